"""A picture of what a model does: noisy, denoised and reference images side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from zoo.data.evaluation import EvaluationImage
from zoo.errors import printable
from zoo.files import write_atomically
from zoo.train.pixels import to_bytes

LARGEST = 320  # pixels on a side that are shown of a large image: its centre
SMALLEST = 128  # pixels on a side that a small image is at least enlarged to
GAP = 4
TITLE = 14  # pixels, the height of a line of text
# By EvaluationImage.compared_with; a pairing's own pixels have its name.
REFERENCES: Mapping[str, str] = {"clean": "clean", "noisy": "another noisy view"}


def write_examples(
    path: Path, images: Sequence[EvaluationImage], denoised: Iterable[Tensor]
) -> None:
    """Write a PNG with a row for each image: noisy, denoised, reference; values are clipped.

    Above each picture stands which it is.
    """
    rows = [_row(image, output) for image, output in zip(images, denoised, strict=False)]
    width = max(row.shape[1] for row in rows)
    padded = [
        np.pad(row, ((0, GAP), (0, width - row.shape[1]), (0, 0)), constant_values=255)
        for row in rows
    ]
    picture = Image.fromarray(np.concatenate(padded)[:-GAP])
    write_atomically(path, lambda stream: picture.save(stream, format="png"))


def _row(image: EvaluationImage, output: Tensor) -> NDArray[np.uint8]:
    reference = REFERENCES.get(image.compared_with, image.compared_with)
    titled = {
        f"{image.name}, noisy": image.noisy,
        "denoised": output,
        reference: image.reference,
    }
    return _beside([_titled(title, _shown(pixels)) for title, pixels in titled.items()])


def _titled(title: str, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The pixels below a line of text, whose end is cut off where it is too long."""
    strip = Image.new("RGB", (pixels.shape[1], TITLE), "white")
    ImageDraw.Draw(strip).text((1, 1), printable(title), "black", ImageFont.load_default())
    return np.concatenate([np.asarray(strip), pixels])


def _shown(image: Tensor) -> NDArray[np.uint8]:
    """The centre of a large image, a small one enlarged; (C, H, W) float -> (H, W, 3) uint8."""
    height, width = image.shape[1:]
    top, left = max(0, height - LARGEST) // 2, max(0, width - LARGEST) // 2
    centre = image[:, top : top + LARGEST, left : left + LARGEST]
    pixels = to_bytes(centre)
    scale = -(-SMALLEST // min(pixels.shape[:2]))
    colour = pixels if pixels.shape[2] == 3 else pixels[:, :, :1].repeat(3, axis=2)
    return colour.repeat(scale, axis=0).repeat(scale, axis=1)


def _beside(pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    gap = np.full((pictures[0].shape[0], GAP, 3), 255, np.uint8)
    parts = [part for picture in pictures for part in (gap, picture)]
    return np.concatenate(parts[1:], axis=1)
