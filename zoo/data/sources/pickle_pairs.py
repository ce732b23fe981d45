"""A ``.pkl`` or ``.pt`` of pairs, as EE-559's data: a ``torch.save`` of two uint8 tensors."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor

from zoo.data.pages import ChannelsError
from zoo.data.sets import ImagePairs
from zoo.data.torch_file import TorchFileError, has_own_memory, load
from zoo.errors import DataError
from zoo.pictures.source import reading
from zoo.pictures.values import Depth, ValueRange

BYTE = Depth(8)
FORMAT = "A file of pairs is a torch.save of two uint8 tensors of one shape (N, C, H, W)."


def PicklePairs(  # noqa: N802 - see the package
    path: str,
    channels: int,
    second_is_clean: bool = False,
    value_range: ValueRange | None = None,
) -> ImagePairs:
    """The pairs of a file, named ``<file>[0]``, ``<file>[1]``, ...; no code in it is run.

    Args:
        path: a ``torch.save`` of a tuple or list of two uint8 tensors (N, C, H, W).
        channels: C of the images.
        second_is_clean: whether the second tensor's images are clean instead of noisy.
        value_range: values of black and white; None for 0 and 255.

    Raises:
        DataError: the file is missing, damaged or holds something else.
    """
    file = Path(path)
    first, second = _check(file, _content(file), channels)
    names = tuple(f"{file.name}[{index}]" for index in range(len(first)))
    first, second = (_in_range(side, value_range) for side in (first, second))
    return ImagePairs(names, first.unbind(), second.unbind(), second_is_clean)


def _in_range(images: Tensor, value_range: ValueRange | None) -> Tensor:
    """Bytes as they are where black is 0 and white 255; else floats with black at 0, white at 1."""
    low, high = (0.0, BYTE.white) if value_range is None else value_range.of(BYTE)
    return images if (low, high) == (0, BYTE.white) else (images.float() - low) / (high - low)


def _content(file: Path) -> object:
    with reading(file, FORMAT), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a file that is reported as a DataError anyway
        try:
            return load(file, legacy=True)
        except TorchFileError as error:
            if reason := str(error):
                raise DataError(f"{file}: {reason} {FORMAT}") from error
            raise


def _check(file: Path, content: object, channels: int) -> tuple[Tensor, Tensor]:
    if not isinstance(content, (tuple, list)) or len(content) != 2:
        count = f" of {len(content)}" if isinstance(content, (tuple, list)) else ""
        raise DataError(f"{file}: holds a {type(content).__name__}{count}. {FORMAT}")
    first, second = content
    for which, images in (("first", first), ("second", second)):
        if not isinstance(images, Tensor) or images.layout != torch.strided:
            raise DataError(f"{file}: the {which} item is a {type(images).__name__}. {FORMAT}")
        if images.dtype != torch.uint8 or images.ndim != 4 or 0 in images.shape:
            raise DataError(
                f"{file}: the {which} tensor is {str(images.dtype).removeprefix('torch.')} of "
                f"shape {tuple(images.shape)}. {FORMAT}"
            )
        if not has_own_memory(images):
            raise DataError(
                f"{file}: values of the {which} tensor share memory, or have gaps between them. "
                f"{FORMAT}"
            )
    if first.shape != second.shape:
        raise DataError(
            f"{file}: the shapes are {tuple(first.shape)} and {tuple(second.shape)}. {FORMAT}"
        )
    if first.shape[1] != channels:
        raise ChannelsError(str(file), first.shape[1], channels)
    return first, second
