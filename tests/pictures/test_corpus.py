"""Files of every kind against their true values, or against what the refusal says."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.pictures.corpus.case import Array, Case
from zoo.data.images import read_image
from zoo.errors import DataError
from zoo.inference import Denoiser
from zoo.inference.file import Options, denoise_file
from zoo.nn import Conv2d, Sequential
from zoo.pictures import open_picture

GROUPS = (
    *("tiff_depths", "tiff_compressions", "tiff_structure", "tiff_ycbcr", "pillow_tiff"),
    *("png", "jpeg", "bmp", "webp"),
)
OF_READING = (
    *("its palette", "its YCbCr", "its transparent colour", "further channels", "its pages have"),
    *("its 1-bit", "its 2-bit", "its 3-bit", "its 4-bit", "its 5-bit", "its 6-bit", "its 7-bit"),
)
pytestmark = pytest.mark.parametrize("group", GROUPS)


@cache
def cases(group: str) -> list[Case]:
    found: list[Case] = import_module(f"tests.pictures.corpus.{group}").cases()
    return found


def faults(group: str, check: Callable[[Case], str]) -> list[str]:
    """What is wrong with each file, none where all is right."""
    found = ((case.name, check(case)) for case in cases(group))
    return [f"{name}: {fault}" for name, fault in found if fault]


def difference(found: Array, true: Array, tolerance: float) -> str:
    if found.shape != true.shape:
        return f"shape {found.shape} for {true.shape}"
    largest = np.abs(found.astype(np.float64) - true).max()
    return "" if largest <= tolerance else f"values are off by {largest:g}"


def differences(planes: list[Array], case: Case, tolerance: float) -> str:
    if len(planes) != len(case.planes):
        return f"{len(planes)} planes for {len(case.planes)}"
    pairs = zip(planes, case.planes, strict=True)
    return "".join(difference(found, true, tolerance) for found, true in pairs)


def refused(case: Case, error: DataError) -> str:
    """Whether the refusal is wanted, and says why, and where from."""
    message = str(error)
    if not case.refused:
        return f"is refused: {message}"
    one_line = "\n" not in message and message.endswith(".")
    return "" if case.refused in message and one_line else f"is refused otherwise: {message}"


def test_true_values_or_a_refusal(group: str) -> None:
    def check(case: Case) -> str:
        try:
            with open_picture(BytesIO(case.data)) as picture:
                planes, white, remarks = list(picture.planes()), picture.white, picture.remarks
        except DataError as error:
            return refused(case, error)
        if case.refused:
            return "is read"
        if white != case.white:
            return f"white is {white} for {case.white}"
        if case.remark and case.remark not in remarks:
            return f"no remark but {remarks}"
        return differences(planes, case, case.tolerance)

    assert faults(group, check) == []


def test_denoised_with_strength_0(group: str, tmp_path: Path) -> None:
    """The same values, depth and format; JPEG and lossy WebP lose a second time."""
    denoiser = Denoiser(Sequential(Conv2d(1, 1, 1)).eval())

    def check(case: Case) -> str:
        target = tmp_path / "out"
        try:
            result = denoise_file(denoiser, BytesIO(case.data), target, Options(strength=0))
        except DataError as error:
            two_channels = case.planes and case.planes[0].shape[2:] == (2,)
            return "" if two_channels and "2 channels" in str(error) else refused(case, error)
        with open_picture(target) as picture:
            planes, white = list(picture.planes()), picture.white
        if (picture.format, white, picture.depth.words) != (
            result.format,
            case.white,
            result.depth,
        ):
            return f"is now {picture.format} of {picture.depth.words}"
        again = [remark for remark in picture.remarks if remark.startswith(OF_READING)]
        if again and not again[0].startswith("further"):
            return f"is not what was said: {again}"
        return differences(planes, case, case.tolerance * 2)

    assert faults(group, check) == []


def test_read_for_training(group: str, tmp_path: Path) -> None:
    """(C, H, W) of uint8, or floats with white at 1."""

    def check(case: Case) -> str:
        path = tmp_path / "picture"
        path.write_bytes(case.data)
        shape = case.planes[0].shape if case.planes else ()
        try:
            images = read_image(path, shape[2] if len(shape) == 3 else 1)
        except DataError as error:
            return refused(case, error)
        planes = [image.permute(1, 2, 0).numpy() for image in images]
        if case.planes and len(shape) == 2:
            planes = [plane[..., 0] for plane in planes]
        if images[0].dtype == torch.uint8:
            return differences(planes, case, case.tolerance)
        scaled = [plane.astype(np.float64) * case.white for plane in planes]
        return differences(scaled, case, case.tolerance + 1e-6 * case.white)

    assert faults(group, check) == []
