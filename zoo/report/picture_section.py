"""Pictures as part of a page: two of several beside each other, at 1:1, within a size."""

from __future__ import annotations

import io
import math
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from PIL import Image

from zoo.report.page import Section, render
from zoo.report.pictures import Picture
from zoo.report.run_files import RunFiles
from zoo.report.scales import fixed
from zoo.report.svg import Value, drawing, element

MOST = 1_300_000  # bytes of all pictures of a page, before base64 makes four of three
SMALLEST = 64  # pixels of a side
WHOLE = 160  # pixels of the longer side of a whole picture, where only a part is at 1:1
TRIES = 6
FAST = 1  # of zlib, for the tries; what is shown is packed as well as can be
MOST_RUNS = 4
LABELS: Mapping[str, str] = {"clean": "clean", "noisy": "other noisy"}


@dataclass(frozen=True)
class Compared:
    """Pictures of one size that show the same.

    Attributes:
        name: the image's.
        role: ``worst``, ``median``, ``best`` or ``example``.
        said: figures of it, or "".
        versions: two or more by what they are called; at first the first is on the left, and the
            last is always on the right.
    """

    name: str
    role: str
    said: str
    versions: Mapping[str, Image.Image]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return next(iter(self.versions.values())).size


@dataclass(frozen=True)
class Part:
    """The central part of pictures, as PNG files, and the whole of the last if that is more."""

    files: Mapping[str, bytes]
    width: int
    height: int
    whole: bytes

    @property
    def size(self) -> int:
        """Bytes in all."""
        return len(self.whole) + sum(map(len, self.files.values()))


def of_run(pictures: Sequence[Picture]) -> Sequence[Compared]:
    """Noisy, clean and denoised for each picture of a run."""
    return [
        Compared(picture.name, picture.role, _rise(picture), _versions(picture, "denoised"))
        for picture in pictures
    ]


def of_runs(runs: Sequence[Sequence[Picture]], names: Sequence[str]) -> Sequence[Compared]:
    """What each of several runs makes of the images that all have.

    Args:
        runs: the pictures of each; those of the first few count.
        names: of the runs.
    """
    runs, names = runs[:MOST_RUNS], names[:MOST_RUNS]
    return list(_common(runs, names)) if len(runs) > 1 and all(runs) else []


def _common(runs: Sequence[Sequence[Picture]], names: Sequence[str]) -> Iterator[Compared]:
    others = [{picture.name: picture for picture in run} for run in runs[1:]]
    for first in runs[0]:
        found = [first, *(run[first.name] for run in others if first.name in run)]
        sizes = {picture.shown["noisy"].size for picture in found}
        if len(found) == len(runs) and len(sizes) == 1:
            scores = zip(names, found, strict=True)
            said = ", ".join(f"{name} {fixed(it.psnr, 2)} dB" for name, it in scores)
            *left, right = [
                (name, picture.shown["denoised"])
                for name, picture in zip(names, found, strict=True)
            ]
            versions = {**dict(left), **_versions(first, ""), right[0]: right[1]}
            yield Compared(first.name, first.role, said, versions)


def _versions(picture: Picture, denoised: str) -> Mapping[str, Image.Image]:
    """The pictures by what they are called; the denoised one last, "" for without."""
    reference = LABELS.get(picture.compared_with, picture.compared_with)
    called = {"noisy": "noisy", "reference": reference, "denoised": denoised}
    return {called[kind]: image for kind, image in _in_order(picture) if called[kind]}


def _in_order(picture: Picture) -> Iterator[tuple[str, Image.Image]]:
    for kind in ("noisy", "reference", "denoised"):
        if kind in picture.shown:
            yield kind, picture.shown[kind]


def _rise(picture: Picture) -> str:
    if not math.isfinite(picture.psnr):
        return ""
    return f"{fixed(picture.psnr_noisy, 2)} → {fixed(picture.psnr, 2)} dB"


def of_epoch(run: RunFiles) -> str:
    """Of which epoch the weights are that made a run's pictures; "" where it is not known."""
    epoch = run.pictures[0].epoch if run.pictures else 0
    if not epoch:
        return ""
    others = [
        f"the {kind}"
        for kind, of in (("best", run.best_epoch), ("latest", run.latest))
        if of == epoch
    ]
    return f"of epoch {epoch:,}{', ' * bool(others)}{' and '.join(others)}"


def picture_section(compared: Sequence[Compared], budget: int = MOST, made: str = "") -> Section:
    """Pictures with a slider between two of them.

    Args:
        compared: those of a run or of several.
        budget: bytes that all files may have together.
        made: by what, a sentence or "".
    """
    if not compared:
        return Section("pictures", "Pictures", Markup(""))
    parts = parts_within(compared, budget)
    shown = [_shown(each, part) for each, part in zip(compared, parts, strict=True)]
    lead = "Move the slider to compare; 1:1 shows each pixel of the picture as one of the page."
    return Section(
        "pictures", "Pictures", render("pictures.html", pictures=shown), f"{made} {lead}".strip()
    )


def parts_within(compared: Sequence[Compared], budget: int) -> Sequence[Part]:
    """Parts of the pictures, as large as the budget allows and all with the same longest side."""
    side = max(max(each.size) for each in compared)
    budget = min(budget, MOST)
    for _ in range(TRIES):
        size = sum(_part(each, side, FAST).size for each in compared)
        if size <= budget or side <= SMALLEST:
            break
        side = max(SMALLEST, int(side * min(0.97, math.sqrt(max(budget, 1) / size))) // 8 * 8)
    return [_part(each, side) for each in compared]


def _part(compared: Compared, side: int, level: int = 9) -> Part:
    width, height = compared.size
    across, down = min(side, width), min(side, height)
    left, top = (width - across) // 2, (height - down) // 2
    box = (left, top, left + across, top + down)
    files = {name: _png(image.crop(box), level) for name, image in compared.versions.items()}
    whole = b""
    if (across, down) != (width, height):
        small = list(compared.versions.values())[-1].copy()
        small.thumbnail((WHOLE, WHOLE))
        whole = _png(small, level)
    return Part(files, across, down, whole)


def _shown(compared: Compared, part: Part) -> Mapping[str, Any]:
    width, height = compared.size
    *beside, right = part.files
    return {
        "name": compared.name,
        "role": compared.role,
        "said": compared.said,
        "width": part.width,
        "height": part.height,
        "beside": beside,
        "right": right,
        "layers": [(name, data_url(png)) for name, png in part.files.items()],
        "whole": _whole(compared, part) if part.whole else "",
        "part": (
            f"Above, the central {part.width} × {part.height} of {width} × {height} pixels "
            "(width × height); here all that the run kept."
        ),
    }


def _whole(compared: Compared, part: Part) -> Markup:
    """The whole picture, small, with a frame around the part."""
    width, height = compared.size
    at: dict[str, Value] = {
        "x": (width - part.width) / 2,
        "y": (height - part.height) / 2,
        "width": part.width,
        "height": part.height,
        "vector_effect": "non-scaling-stroke",
    }
    image = element("image", href=data_url(part.whole), width=width, height=height)
    frames = [element("rect", class_=kind, **at) for kind in ("frame dark", "frame")]
    return drawing(width, height, f"{compared.name}, whole", image, *frames)


def data_url(png: bytes) -> str:
    """A PNG file as the address of a picture."""
    return f"data:image/png;base64,{b64encode(png).decode()}"


def _png(image: Image.Image, level: int) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format="PNG", compress_level=level)
    return stream.getvalue()
