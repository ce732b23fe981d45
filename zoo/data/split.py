"""Which images are trained on and which are held out, so that no scene is on both sides."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import torch

from zoo.data.fingerprint import find_alike
from zoo.data.record import DataRecord
from zoo.data.seeding import generator
from zoo.data.sets import Images
from zoo.data.streams import Stream
from zoo.errors import ArgumentError, DataError, listed


@dataclass(frozen=True)
class Split:
    """Indices of the images to train on and of those held out, each in ascending order.

    Attributes:
        remarks: what the user should know about how they were chosen.
    """

    train: list[int]
    held_out: list[int]
    remarks: tuple[str, ...] = ()


def draw_split(
    images: Images,
    fraction: float,
    seed: int,
    *,
    by_scene: bool = True,
    before: DataRecord | None = None,
) -> Split:
    """Choose images to hold out, at least one, and one or more to train on.

    Images of one file, and images that show the same scene, are kept together. Where a set names
    the images that it holds out, these are taken, and others of the same scenes are not used.

    Args:
        images: photographs or pairs.
        fraction: of the images to hold out, in (0, 1); not used where the set names them.
        seed: decides which.
        by_scene: False to draw each image by itself.
        before: of the run whose weights are trained further: what it held out stays held out, and
            what it trained on is, where there is anything else.

    Raises:
        ArgumentError: an impossible fraction.
        DataError: there is only one image, or none is left to train on.
    """
    names = images.names
    if not 0 < fraction < 1:
        raise ArgumentError(
            f"split: the validation fraction is {fraction}. It must be between 0 and 1."
        )
    if len(names) == 1 or len(images.held_out) == len(names):
        raise DataError(
            f"data: there is only one image to train and to validate on, {names[0]}. "
            "Give two or more."
            if len(names) == 1
            else f"data: all {len(names)} images are held out. Leave one or more to train on."
        )
    scenes = _scenes(images) if by_scene else [[index] for index in range(len(names))]
    if images.held_out:
        return _named(images, scenes)
    held_out = _still_held_out(images, scenes, before) if before else []
    if not held_out:
        unseen = _unseen(images, scenes, before) if before else []
        held_out = _drawn(unseen or scenes, fraction, len(names), seed)
    return Split(_others(len(names), held_out), sorted(held_out), _remarks(names, scenes, held_out))


def without_copies(train: Images, held_out: Images) -> Split:
    """All of ``held_out``, and of ``train`` what shows none of its scenes; indices in each.

    Where that would be nothing, all of both.
    """
    first = len(train.names)
    links = find_alike(train.sides[0] + held_out.sides[0])
    same = _equal(train.hashes + held_out.hashes)
    scenes = _components(first + len(held_out.names), [*links, *same, *_equal(train.files)])
    copies = [index for scene in scenes if scene[-1] >= first for index in scene if index < first]
    remarks = _left_out(train.names, copies)
    if len(copies) == first:
        copies, remarks = (
            [],
            (
                f"data: all {first} images to train on show scenes that are validated on too "
                f"({listed(train.names)}): figures say nothing about others",
            ),
        )
    return Split(_others(first, copies), list(range(len(held_out.names))), remarks)


def _named(images: Images, scenes: Iterable[Sequence[int]]) -> Split:
    """The split of a set that names what it holds out."""
    held_out = [index for index, name in enumerate(images.names) if name in images.held_out]
    chosen = set(held_out)
    copies = [i for scene in scenes if chosen.intersection(scene) for i in scene if i not in chosen]
    train = _others(len(images.names), chosen.union(copies))
    if not train:
        raise DataError(
            f"data: all images to train on show scenes that are held out ({listed(images.names)}). "
            "Train on others."
        )
    return Split(train, held_out, _left_out(images.names, copies))


def _left_out(names: Sequence[str], copies: Collection[int]) -> tuple[str, ...]:
    if not copies:
        return ()
    return (
        f"data: {len(copies)} of {len(names)} images show scenes that are held out, and are not "
        f"trained on ({listed(names[index] for index in sorted(copies))})",
    )


def _unseen(images: Images, scenes: Iterable[list[int]], before: DataRecord) -> list[list[int]]:
    """Scenes of which no image was trained on."""
    trained = {item.sha256 for item in before.train}
    return [scene for scene in scenes if trained.isdisjoint(images.hashes[i] for i in scene)]


def _still_held_out(images: Images, scenes: Iterable[list[int]], before: DataRecord) -> list[int]:
    """What another run has held out and not trained on; nothing where that would be all."""
    held_out = {item.sha256 for item in before.held_out}
    unseen = _unseen(images, scenes, before)
    found = [i for s in unseen if not held_out.isdisjoint(images.hashes[i] for i in s) for i in s]
    return found if len(found) < len(images.names) else []


def _drawn(scenes: Sequence[Sequence[int]], fraction: float, count: int, seed: int) -> list[int]:
    """Images of whole scenes; the last ones of a set of ``count`` images that shows one scene."""
    wanted = min(max(round(fraction * count), 1), count - 1)
    order = torch.randperm(len(scenes), generator=generator(seed, Stream.SPLIT)).tolist()
    if len(scenes[0]) == count:
        return list(scenes[0][-wanted:])
    held_out: list[int] = []
    for scene in (scenes[position] for position in order):
        if len(held_out) + len(scene) <= wanted:
            held_out += scene
    smallest = min(order, key=lambda position: len(scenes[position]))
    return held_out or list(scenes[smallest])


def _remarks(
    names: Sequence[str], scenes: Sequence[Sequence[int]], held_out: Sequence[int]
) -> tuple[str, ...]:
    together = [scene for scene in scenes if len(scene) > 1]
    if not together:
        return ()
    if len(scenes) == 1:
        return (
            f"data: all {len(names)} images are of one file or scene: the last {len(held_out)} "
            f"({listed(names[index] for index in held_out)}) are held out, which tells little "
            "about other scenes",
        )
    count = sum(map(len, together))
    return (
        f"data: {count} of {len(names)} images are of {len(together)} "
        f"{'files or scenes' if len(together) > 1 else 'file or scene'}, each on one side of the "
        f"split ({listed(names[index] for index in together[0])})",
    )


def _scenes(images: Images) -> list[list[int]]:
    """Indices of the images of each scene, the scenes in the order of their first images."""
    links = [*find_alike(images.sides[0]), *_equal(images.hashes), *_equal(images.files)]
    return _components(len(images.names), links)


def _equal(keys: Sequence[str]) -> list[tuple[int, int]]:
    """Links between the indices of equal keys."""
    first: dict[str, int] = {}
    return [(first.setdefault(key, index), index) for index, key in enumerate(keys)]


def _components(count: int, links: Iterable[tuple[int, int]]) -> list[list[int]]:
    """The components of a graph of ``count`` nodes, each in ascending order."""
    parent = list(range(count))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = node = parent[parent[node]]
        return node

    for one, other in links:
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    components: dict[int, list[int]] = {}
    for node in range(count):
        components.setdefault(root(node), []).append(node)
    return list(components.values())


def _others(count: int, indices: Collection[int]) -> list[int]:
    chosen = set(indices)
    return [index for index in range(count) if index not in chosen]
