"""Random crops of photographs of any sizes: a whole batch is one gather from one flat tensor.

A crop of H x W image pixels with block size k covers k*H x k*W pixels of the photograph: each image
pixel stands for a block of k x k photograph pixels (k = 1: the crop as it is).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from zoo.data.batch import put
from zoo.data.stored import Image, StoredImage, pixels_of, window_of
from zoo.errors import DataError


class Positions(NamedTuple):
    """Where n crops are: each an (n,) int64 tensor."""

    photograph: Tensor
    top: Tensor
    left: Tensor


@dataclass(frozen=True)
class Crops:
    """N crops of one size H x W, each with its own block size; made by :meth:`Photographs.crops`.

    Pixels are gathered and computed where they are. Where the crops are is known on the CPU, so
    that a GPU need not be waited for.

    Attributes:
        pixels: (P, C) uint8 or float32, the pixels of all photographs, on any device.
        first: (N,) index of each crop's top left pixel.
        stride: (N,) width of each crop's photograph.
        block: (N,) photograph pixels for each image pixel along each axis.
        height, width: H and W in image pixels.
    """

    pixels: Tensor
    first: Tensor
    stride: Tensor
    block: Tensor
    height: int
    width: int

    @cached_property
    def clean(self) -> Tensor:
        """The crops without noise, (N, C, H, W) float32: the mean of each block."""
        if bool((self.block == 1).all()):
            return self._gather(self._corners())
        shape = self.first.numel(), self.pixels.shape[1], self.height, self.width
        clean = torch.empty(shape, device=self.pixels.device)
        for block in set(self.block.tolist()):
            chosen = (self.block == block).nonzero().flatten()
            clean[put(chosen, clean.device)] = self._select(chosen)._block_mean(block)
        return clean

    def random_pixels(self, generator: torch.Generator) -> Tensor:
        """One pixel of each block, at a random position shared by the channels, (N, C, H, W)."""
        shape = 2, self.first.numel(), self.height, self.width
        _, stride, block = self._placed[:, :, None, None]
        uniform = torch.rand(shape, generator=generator, device=generator.device)
        rows, columns = (uniform * block).long()  # N, H, W
        return self._gather(self._corners() + rows * stride + columns)

    @cached_property
    def _placed(self) -> Tensor:
        """``first``, ``stride`` and ``block`` where the pixels are, (3, N)."""
        return put(torch.stack((self.first, self.stride, self.block)), self.pixels.device)

    def _corners(self) -> Tensor:
        """Index of the top left pixel of each block, (N, H, W)."""
        first, stride, block = self._placed[:, :, None]
        rows = torch.arange(self.height, device=block.device) * block * stride  # N, H
        columns = torch.arange(self.width, device=block.device) * block  # N, W
        corners: Tensor = (first + rows)[:, :, None] + columns[:, None, :]
        return corners

    def _block_mean(self, block: int) -> Tensor:
        corners = self._corners()
        stride = self._placed[1, :, None, None]
        shape = corners.numel(), self.pixels.shape[1]
        total = torch.zeros(shape, device=self.pixels.device)  # exact: sums stay below 2^24
        for row in range(block):
            for column in range(block):
                total += self._values(corners + row * stride + column)
        return self._image(total / block**2)

    def _select(self, chosen: Tensor) -> Crops:
        return Crops(
            self.pixels,
            self.first[chosen],
            self.stride[chosen],
            self.block[chosen],
            self.height,
            self.width,
        )

    def _gather(self, indices: Tensor) -> Tensor:
        """The pixels at (N, H, W) indices, as (N, C, H, W) float32, white is 1."""
        return self._image(self._values(indices))

    def _values(self, indices: Tensor) -> Tensor:
        # index_select copies whole rows of C values: twice as fast as pixels[indices]
        return self.pixels.index_select(0, indices.flatten())  # N*H*W, C

    def _image(self, values: Tensor) -> Tensor:
        values = values.view(-1, self.height, self.width, values.shape[1]).permute(0, 3, 1, 2)
        image = values.to(torch.float32, memory_format=torch.contiguous_format)  # N, C, H, W
        return image if self.pixels.dtype == torch.float32 else image / 255


class Photographs:
    """Photographs packed into one flat tensor of pixels, or read where a crop is.

    Args:
        names: one for each photograph, for messages.
        images: (C, H, W) uint8, or float32 with white at 1; a mixture is packed as float32. Where
            some are stored in files, none is packed.
    """

    def __init__(self, names: Sequence[str], images: Sequence[Image]) -> None:
        self.names = tuple(names)
        self._images = tuple(images)
        self._dtype = max((image.dtype for image in images), key=lambda dtype: dtype.itemsize)
        self._channels = images[0].shape[0]
        self.heights = torch.tensor([image.shape[1] for image in images])
        self.widths = torch.tensor([image.shape[2] for image in images])
        areas = self.heights * self.widths
        self.ends = areas.cumsum(0)
        self.starts = self.ends - areas
        self._pixels: Tensor | None = None
        if not any(isinstance(image, StoredImage) for image in images):
            self.pack(torch.device("cpu"))

    @property
    def nbytes(self) -> int:
        """Bytes of all pixels, packed."""
        return int(self.ends[-1]) * self._channels * self._dtype.itemsize

    def pack(self, device: torch.device) -> None:
        """Hold all pixels on a device, where crops are then computed."""
        if self._pixels is None:
            parts = [self._flat(pixels_of(image)) for image in self._images]
            self._pixels, self._images = torch.cat(parts), ()  # P, C
        self._pixels = self._pixels.to(device)

    def check_fit(self, height: int, width: int, block: int) -> None:
        """Refuse photographs that crops of ``height`` x ``width`` do not fit in.

        Raises:
            DataError: a photograph is smaller than ``block`` times the crop.
        """
        height, width = height * block, width * block
        small = ((self.heights < height) | (self.widths < width)).nonzero().flatten().tolist()
        if small:
            index = small[0]
            size = f"{self.heights[index]} x {self.widths[index]}"
            others = f" (and {len(small) - 1} more)" if len(small) > 1 else ""
            raise DataError(
                f"{self.names[index]}{others}: {size} pixels (height x width), too small for "
                f"crops of {height} x {width}. Leave it out, or use smaller crops or blocks."
            )

    def random_positions(
        self, block: Tensor, height: int, width: int, generator: torch.Generator
    ) -> Positions:
        """Positions of one random crop for each of the (n,) block sizes.

        A photograph is chosen with probability proportional to its area, so that every part of the
        set is seen about equally often; all positions in it where the crop fits are equally likely.
        """
        pixel = torch.randint(int(self.ends[-1]), block.shape, generator=generator)
        photograph = torch.searchsorted(self.ends, pixel, right=True)
        uniform = torch.rand(2, *block.shape, generator=generator, dtype=torch.float64)
        rooms = self.heights[photograph] - height * block, self.widths[photograph] - width * block
        top, left = (uniform * (torch.stack(rooms) + 1)).long()
        return Positions(photograph, top, left)

    def crops(self, positions: Positions, block: Tensor, height: int, width: int) -> Crops:
        """The crops at ``positions``; they must lie inside their photographs."""
        if self._pixels is None:
            return self._read(positions, block, height, width)
        stride = self.widths[positions.photograph]
        first = self.starts[positions.photograph] + positions.top * stride + positions.left
        return Crops(self._pixels, first, stride, block, height, width)

    def _read(self, positions: Positions, block: Tensor, height: int, width: int) -> Crops:
        """The crops, of which no pixel beside them is kept."""
        places = zip(*(each.tolist() for each in (*positions, block)), strict=True)
        areas = block * block * (height * width)
        ends = areas.cumsum(0)
        kind = np.uint8 if self._dtype == torch.uint8 else np.float32
        pixels = np.empty((int(ends[-1]), self._channels), kind)  # P, C
        for (photograph, top, left, k), end in zip(places, ends.tolist(), strict=True):
            window = window_of(self._images[photograph], top, left, k * height, k * width)
            if window.dtype != kind:
                window = window.astype(np.float32) / 255
            flat = window.reshape(-1, self._channels)
            pixels[end - len(flat) : end] = flat
        packed = torch.from_numpy(pixels)
        return Crops(packed, ends - areas, block * width, block, height, width)

    def _flat(self, image: Tensor) -> Tensor:
        """(C, H, W) -> (H*W, C), of the type that all are packed in."""
        if image.dtype != self._dtype:
            image = image.float() / 255
        return image.flatten(1).t()

    def all_are(self, height: int, width: int) -> bool:
        """Whether each photograph is exactly ``height`` x ``width`` pixels."""
        return bool(((self.heights == height) & (self.widths == width)).all())

    def tiles(self, height: int, width: int) -> int:
        """How many crops tile the photographs once, those that do not fit left out."""
        return int(((self.heights // height) * (self.widths // width)).sum())


def whole_image(name: str, image: Image, block: Tensor) -> Crops:
    """All of a (C, H, W) image as one crop with the (1,) block size.

    Raises:
        DataError: the image is smaller than one block.
    """
    photograph = Photographs([name], [pixels_of(image)])
    size = int(block)
    photograph.check_fit(1, 1, size)
    origin = torch.zeros(1, dtype=torch.int64)
    positions = Positions(origin, origin, origin)
    return photograph.crops(positions, block, image.shape[1] // size, image.shape[2] // size)
