"""The images of a run: chosen when it begins, and found again when it goes on or is evaluated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tomli

from zoo.architecture import Architecture, Component
from zoo.compiler import Compiler
from zoo.data.cut import cut_in_two
from zoo.data.record import DataRecord, Match, RecordedImage, known_as, match, recorded
from zoo.data.sets import Images
from zoo.data.split import Split, draw_split, without_copies
from zoo.errors import DataError, listed

VALIDATION = "--set data.validation"
CUT = re.compile(r"(.*) \(rows \d+ to (\d+)\)")  # a name of :func:`zoo.data.cut.cut_in_two`


@dataclass(frozen=True)
class RunImages:
    """What a run trains on and what it holds out.

    Attributes:
        train: trained on.
        held_out: validated on.
        record: of both.
        remarks: what the user should know about them.
    """

    train: Images
    held_out: Images
    record: DataRecord
    remarks: tuple[str, ...]


def new_images(compiler: Compiler, before: DataRecord | None = None) -> RunImages:
    """The images of a run that begins.

    Args:
        compiler: of its architecture.
        before: of the run whose weights it starts from.

    Raises:
        DataError: they are missing, unreadable or unsuitable.
    """
    data, seed = compiler.architecture.data, compiler.architecture.train.seed
    images, validation = _load(compiler)
    if validation is images:
        split = draw_split(images, data.validation_fraction, seed, before=before)
    else:
        split = without_copies(images, validation)
    chosen = _take(images, validation, split)
    if before is None:
        return chosen
    seen = {item.sha256 for item in before.train}
    names = [item.name for item in chosen.record.held_out if item.sha256 in seen]
    remark = (
        f"data: the weights that this run starts from were trained on {len(names)} of the "
        f"{len(chosen.record.held_out)} held-out images ({listed(names)}): figures on these are "
        "too good"
    )
    return replace(chosen, remarks=(*chosen.remarks, remark)) if names else chosen


def resumed_images(compiler: Compiler, checkpoint: Path, content: Mapping[str, Any]) -> RunImages:
    """The images of a run that goes on: those that it has recorded, in the same order.

    Args:
        compiler: of its architecture.
        checkpoint: its checkpoint.
        content: what is in that.

    Raises:
        DataError: one of them has changed or is not there, or they are unreadable.
    """
    record = record_in(content)
    images, validation = _load(compiler, begun=True, record=record)
    if record is None:
        return _as_before(compiler, images, validation, checkpoint)
    train, held_out = match(record.train, images), match(record.held_out, validation)
    data = compiler.architecture.data
    other = (data.source, "--data") if data.validation is None else (data.validation, VALIDATION)
    sides = (
        (train, record.train, "trained on", data.source, "--data"),
        (held_out, record.held_out, "held out", *other),
    )
    for found, before, what, source, option in sides:
        if found.lost:
            raise DataError(
                f"{_lost(checkpoint, before, found, what, source)} If they are in another place "
                f"now, name it with {option}. Otherwise bring them back, or start a new run from "
                f"these weights with --weights {checkpoint.parent}."
            )
    chosen = _take(images, validation, Split(train.indices, held_out.indices))
    remarks = (*chosen.remarks, *_changes(images, validation, train, held_out))
    if has_moved(content, compiler.architecture):
        remarks += ("data: the run goes on with the same images, which are in another place now",)
    return replace(chosen, remarks=remarks)


def held_out_images(
    compiler: Compiler, checkpoint: Path, record: DataRecord | None
) -> tuple[Images, tuple[str, ...]]:
    """What a run has held out, and what the user should know about it.

    Raises:
        DataError: a held-out image has changed or is not there, or they are unreadable.
    """
    images, validation = _load(compiler, begun=True, record=record)
    if record is None:
        chosen = _as_before(compiler, images, validation, checkpoint)
        return chosen.held_out, chosen.remarks
    train, held_out = match(record.train, images), match(record.held_out, validation)
    if held_out.lost:
        data = compiler.architecture.data
        source = data.validation or data.source
        raise DataError(
            f"{_lost(checkpoint, record.held_out, held_out, 'held out', source)} "
            "Bring them back, or name images with --data."
        )
    remarks = [*images.remarks, *_changes(images, validation, train, held_out)]
    remarks += filter(None, [on_both_sides(checkpoint, record)])
    if train.lost:
        remarks.append(f"data: images that were trained on are not as they were: {train.lost}")
    return validation.take(held_out.indices), tuple(remarks)


def trained_on(record: DataRecord | None, name: str, images: Images) -> str:
    """A remark about images to evaluate on that the model was trained on; "" for none."""
    seen = {item.sha256 for item in record.train} if record else set()
    pairs = zip(images.names, known_as(images), strict=True) if seen else ()
    names = [image for image, hashes in pairs if not seen.isdisjoint(hashes)]
    names += [image for image in _cut_from(record, images) if image not in names]
    if not names:
        return ""
    return (
        f"{name}: the model was trained on {len(names)} of these {len(images.names)} images "
        f"({listed(names)}): figures on them are too good"
    )


def on_both_sides(checkpoint: Path, record: DataRecord) -> str:
    """A remark about held-out images that are trained on too; "" for none."""
    both = record.on_both_sides
    if not both:
        return ""
    return (
        f"{checkpoint}: data: {len(both)} of the {len(record.held_out)} held-out images "
        f"are trained on too ({listed(both)}): figures on these are too good"
    )


def has_moved(content: Mapping[str, Any], architecture: Architecture) -> bool:
    """Whether an architecture has its images in another place than a checkpoint's."""
    before, now = (
        tomli.loads(text)["data"] for text in (content["architecture"], architecture.text)
    )
    return any(before.get(key) != now.get(key) for key in ("source", "validation"))


def record_in(content: Mapping[str, Any]) -> DataRecord | None:
    """The record of its images that a checkpoint has; None for an older one."""
    if "data" not in content:
        return None
    return DataRecord.from_plain(content["data"])


def _load(
    compiler: Compiler, *, begun: bool = False, record: DataRecord | None = None
) -> tuple[Images, Images]:
    """The images of the source, and those to validate on: others, or the same object.

    Args:
        compiler: of the architecture that names them.
        begun: the run has used them before.
        record: of the images that it has used.
    """
    data = compiler.architecture.data
    try:
        images = compiler.data(data.source)
        if data.validation is not None:
            return images, compiler.data(data.validation)
        images = _cut_single(compiler, _the_cut_one(images, record))
        return images, images
    except DataError as error:
        if not begun:
            raise
        *others, last = error.args
        moved = "If the run's images have moved, go on with zoo run --data NEW --resume."
        raise DataError(*others, f"{last} {moved}") from None


def _the_cut_one(images: Images, record: DataRecord | None) -> Images:
    """Of a run that began with a single scene, that one; others have come since."""
    cut = CUT.fullmatch(record.train[0].name) if record and len(record.train) == 1 else None
    if cut is None or cut[1] not in images.names:
        return images
    return images.take([images.names.index(cut[1])])


def _cut_from(record: DataRecord | None, images: Images) -> Iterator[str]:
    """Names of images of which a run was trained on the rows above some other."""
    for item in record.train if record else ():
        cut = CUT.fullmatch(item.name)
        if cut is None or cut[1] not in images.names:
            continue
        whole = images.take([images.names.index(cut[1])])
        row = int(cut[2]) + 1
        if row < whole.sides[0][0].shape[1] and item.sha256 in known_as(cut_in_two(whole, row))[0]:
            yield cut[1]


def _cut_single(compiler: Compiler, images: Images) -> Images:
    """Of a single scene the lower tenth, or what a crop needs, as one of its own to be held out."""
    if len(images.names) > 1:
        return images
    size, pairing = compiler.architecture.input, compiler.pairing()
    needed, height = pairing.window(size.height, size.width)[0], images.sides[0][0].shape[1]
    row = height - max(needed, height // 10)
    return cut_in_two(images, row) if row >= needed else images


def _lost(
    checkpoint: Path,
    before: Sequence[RecordedImage],
    found: Match,
    what: str,
    source: Component,
) -> str:
    return (
        f"{checkpoint}: of the {len(before)} images that were {what}, {found.lost} in "
        f"{source.name}."
    )


def _as_before(
    compiler: Compiler, images: Images, validation: Images, checkpoint: Path
) -> RunImages:
    """What a run of a zoo that recorded no images has used, if they are still the same."""
    data, seed = compiler.architecture.data, compiler.architecture.train.seed
    if validation is images:
        split = draw_split(images, data.validation_fraction, seed, by_scene=False)
    else:
        split = Split(list(range(len(images.names))), list(range(len(validation.names))))
    remark = (
        f"{checkpoint}: does not say which images it was trained on: figures are right only if "
        "what it was trained with is there, file by file, and nothing else"
    )
    return _take(images, validation, replace(split, remarks=(remark,)))


def _take(images: Images, validation: Images, split: Split) -> RunImages:
    return RunImages(
        images.take(split.train),
        validation.take(split.held_out),
        DataRecord(recorded(images, split.train), recorded(validation, split.held_out)),
        tuple(dict.fromkeys((*images.remarks, *validation.remarks, *split.remarks))),
    )


def _changes(images: Images, validation: Images, train: Match, held_out: Match) -> list[str]:
    """What is not as when the run began, though its images are."""
    renamed = list(dict.fromkeys((*train.renamed, *held_out.renamed)))
    used = set(train.indices)
    if validation is images:
        used |= set(held_out.indices)
    others = (name for index, name in enumerate(images.names) if index not in used)
    new = [name for name in others if name not in train.changed]
    remarks = []
    if renamed:
        remarks.append(f"data: other names, the same images: {listed(renamed)}")
    if new:
        count = f"{len(new):,} new image{'s' * (len(new) > 1)}"
        remarks.append(f"data: {count}, not used by a run that began without ({listed(new)})")
    return remarks
