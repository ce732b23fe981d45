"""The pictures in a run's ``images/``: read, and what ``images.json`` says of them.

A picture goes into a page only as the pixels that Pillow has read of it, written anew.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from zoo.files import open_regular, read_regular
from zoo.report.inside import inside
from zoo.report.plain import at, count, is_shallow, items, number, numbers, table, text

MOST_PICTURES = 6
MOST_BINS = 256
LAGS = 9  # rows and columns of an autocorrelation, the middle one of distance 0
MOST_SIDE = 1024  # pixels of a picture's file
MOST_BYTES = 2**23
KINDS = ("noisy", "denoised", "reference")


@dataclass(frozen=True)
class Removed:
    """What a network took away from a picture.

    Attributes:
        sigma: its standard deviation, in grey levels of 255.
        low, high: of the histogram, as parts of white.
        counts: of the histogram's bars.
        autocorrelation: by distance down and across, the middle one 1.
    """

    sigma: float
    low: float
    high: float
    counts: Sequence[float]
    autocorrelation: Sequence[Sequence[float]]

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Removed | None:
        """What ``images.json`` has; None where something in it is missing."""
        low, high = (number(at(plain, "histogram", key)) for key in ("low", "high"))
        counts = numbers(at(plain, "histogram", "counts"), MOST_BINS)
        rows = tuple(numbers(row, LAGS) for row in items(plain.get("autocorrelation"), LAGS))
        whole = len(rows) == LAGS and all(len(row) == LAGS for row in rows)
        if not (low < high and counts and min(counts) >= 0 and sum(counts) and whole):
            return None
        return cls(number(plain.get("sigma")), low, high, counts, rows)

    @property
    def mean(self) -> float:
        """Of the values, in grey levels of 255, as the histogram has them."""
        width = (self.high - self.low) / len(self.counts)
        middles = (self.low + (i + 0.5) * width for i in range(len(self.counts)))
        total = sum(value * count for value, count in zip(middles, self.counts, strict=True))
        return 255 * total / sum(self.counts)

    @property
    def largest(self) -> float:
        """The autocorrelation that is furthest from 0, of other pixels than the same."""
        middle = LAGS // 2
        others = (
            value
            for down, row in enumerate(self.autocorrelation)
            for across, value in enumerate(row)
            if (down, across) != (middle, middle) and math.isfinite(value)
        )
        return max(others, key=abs, default=math.nan)


@dataclass(frozen=True)
class Picture:
    """A picture of the run.

    Attributes:
        name: the image's.
        role: ``worst``, ``median``, ``best`` or ``example``; ``image`` of the only one.
        compared_with: ``clean``, ``noisy`` or what else the reference is.
        height, width: of the whole image in pixels; the files may show its central part only.
        psnr, psnr_noisy: in dB; NaN where they are not known.
        shown: the pixels by kind, of :data:`KINDS`; ``noisy`` and ``denoised`` are there.
        removed: None where it is not known.
        epoch: of the weights that denoised it; 0 where that is not known.
    """

    name: str
    role: str
    compared_with: str
    height: int
    width: int
    psnr: float
    psnr_noisy: float
    shown: Mapping[str, Image.Image]
    removed: Removed | None
    epoch: int


def read_pictures(folder: Path, missing: list[str]) -> Sequence[Picture]:
    """The pictures of a run.

    Args:
        folder: ``images`` in the run's.
        missing: a sentence is added for what is missing or damaged.
    """
    try:
        content = table(json.loads(read_regular(inside(folder / "images.json"))))
    except FileNotFoundError:
        missing.append("There are no pictures: no images/images.json.")
        return ()
    except OSError as error:
        missing.append(f"images/images.json cannot be read: {error.strerror or error}.")
        return ()
    except (ValueError, RecursionError):
        content = {}
    named = items(content.get("images"), MOST_PICTURES) if is_shallow(content) else ()
    if not named:
        missing.append("images/images.json is damaged: it names no pictures.")
    epoch, alone = count(content.get("epoch")), len(named) == 1
    found = [_picture(folder, table(plain), epoch, alone, missing) for plain in named]
    return tuple(picture for picture in found if picture is not None)


def _picture(
    folder: Path, plain: Mapping[str, Any], epoch: int, alone: bool, missing: list[str]
) -> Picture | None:
    name = text(plain.get("name"), 120) or "?"
    files = table(plain.get("files"))
    shown = {kind: _pixels(folder, files.get(kind)) for kind in KINDS}
    known = {kind: image for kind, image in shown.items() if image is not None}
    for kind in ("noisy", "denoised"):
        if kind not in known:
            missing.append(f"The {kind} picture of {name} is missing or damaged.")
            return None
    if len({image.size for image in known.values()}) > 1:
        missing.append(f"The pictures of {name} are not of one size.")
        return None
    width, height = known["noisy"].size
    return Picture(
        name,
        "image" if alone else text(plain.get("role"), 20) or "example",
        text(plain.get("compared_with"), 20) or "clean",
        max(count(plain.get("height")), height),
        max(count(plain.get("width")), width),
        number(plain.get("psnr")),
        number(plain.get("psnr_noisy")),
        known,
        Removed.from_plain(table(plain.get("removed"))),
        epoch,
    )


def _pixels(folder: Path, name: Any) -> Image.Image | None:
    """The picture in a PNG file of the folder itself; None where there is none, or a link."""
    if type(name) is not str or name != Path(name).name or "\0" in name:
        return None
    path = folder / name
    try:
        if path.is_symlink() or path.stat().st_size > MOST_BYTES:
            return None
        with open_regular(path) as stream, Image.open(stream, formats=["PNG"]) as image:
            if max(image.size) > MOST_SIDE:
                return None
            return image.convert("L" if image.mode in ("1", "L", "I;16", "I") else "RGB")
    except Exception:  # whatever Pillow raises of a damaged file
        return None
