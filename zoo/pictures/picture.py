"""What is known of a picture file before its pixels are decoded, and the door to its pixels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np

from zoo.pictures.values import Depth

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Metadata:
    """What the formats have in common beside pixels, for a change of format.

    Attributes:
        exif: a TIFF structure as JPEG, PNG and WebP hold it, without ``Exif\\0\\0``.
        icc: an ICC profile.
        xmp: an XMP packet.
        dpi: pixels per inch, across and down; None where the file does not say.
    """

    exif: bytes = b""
    icc: bytes = b""
    xmp: bytes = b""
    dpi: tuple[float, float] | None = None


class Picture(AbstractContextManager["Picture"]):
    """A picture file that is open. Its pixels are read when :meth:`planes` gets to them.

    Attributes:
        where: the file's name for messages.
        format: "PNG", "JPEG", "TIFF", "BMP" or "WEBP".
        axes: one letter for each axis as stored, without that of a plane's channels: "YX", "TZCYX";
            "YXC" where each plane is a row of a picture.
        shape: the sizes along ``axes``, and the channels last where there are several.
        channels: colour channels of a plane, without alpha.
        depth: bits of a value and whether it is a float.
        n_planes: 1 for a photograph, the pages of a stack.
        metadata: what another format can hold of EXIF, ICC profile, XMP and resolution.
        orientation: EXIF's number, 1 to 8. Pixels are as stored, not yet turned.
        remarks: sentences for the user: what is not as the file has it.
    """

    format: str

    def __init__(self, where: str, stream: BinaryIO) -> None:
        self.where = where
        self.stream = stream
        self.axes = "YX"
        self.shape: tuple[int, ...] = ()
        self.channels = 1
        self.depth = Depth(8)
        self.n_planes = 1
        self.metadata = Metadata()
        self.orientation = 1
        self.remarks: list[str] = []

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of a plane's values."""
        return self.depth.dtype

    @property
    def white(self) -> float:
        """The value of white by the file's type, never by its pixels: 255, 4095, 65535, 1.0."""
        return self.depth.white

    def plane_shape(self, plane: int) -> tuple[int, ...]:
        """The shape of one plane, which may be another in each page of a TIFF."""
        return self.shape[len(self.axes) - 2 :]

    @abstractmethod
    def planes(self) -> Iterator[Array]:
        """Each plane as (H, W) or (H, W, C) of :attr:`dtype`, as stored, without alpha.

        One is decoded at a time.

        Raises:
            DataError: the file is damaged.
        """

    @abstractmethod
    def extras(self, plane: int) -> Array | None:
        """The samples (H, W, E) beside the colours of a plane, as stored: alpha; None for none."""

    @property
    @abstractmethod
    def has_extras(self) -> bool:
        """Whether there are samples beside the colours, such as alpha."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self.stream.close()
