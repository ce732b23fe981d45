"""Batches of random crops, each a pure function of (seed, epoch, index)."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from functools import partial

import torch
from torch import Tensor

from zoo.data.augment import Augment
from zoo.data.batch import Batch
from zoo.data.crops import Photographs, Positions
from zoo.data.noise.base import Noise
from zoo.data.prefetch import prefetch
from zoo.data.seeding import generator
from zoo.data.sets import CleanImages, ImagePairs, noise_mismatch
from zoo.data.streams import Stream
from zoo.errors import ArgumentError, DataError

__all__ = ["Batch", "Batches"]

DEPTH = 4  # batches prepared ahead
# Pixels drawn at once on a GPU, where small batches would spend their time on starting kernels.
PIXELS_AT_ONCE = 2**22


class Batches:
    """The batches of a data set, epoch after epoch.

    From photographs: random crops, of which noisy copies are drawn. From pairs of exactly the
    crop's size: each pair once in an epoch, in a fresh order. From larger pairs: random crops, at
    the same position in both images.

    On a GPU the images are moved there once, and noise is drawn and crops are gathered there, for
    several batches at once; where they take more than a quarter of its free memory, or with a noise
    that draws on the CPU only, batches are drawn on the CPU and copied. A GPU draws other numbers
    than a CPU, so a run is repeated exactly on the same kind of device only.

    Args:
        data: photographs or pairs.
        noise: what to add to photographs; None for pairs.
        batch_size: N; the last batch of an epoch may be smaller.
        height, width: of the crops.
        target: "noisy" for a second, independent noisy copy; "clean" for the clean crop.
        augment: random changes to each batch, or None.
        samples: images in an epoch; None for every pair once, or for as many crops as tile the
            photographs once.
        seed: of all draws.
        device: where batches are put.

    Raises:
        ArgumentError: an impossible argument, or ``noise`` missing or not wanted.
        DataError: an image smaller than the crop, or pairs without the wanted target.
    """

    def __init__(
        self,
        data: CleanImages | ImagePairs,
        noise: Noise | None,
        *,
        batch_size: int,
        height: int,
        width: int,
        target: str = "noisy",
        augment: Augment | None = None,
        samples: int | None = None,
        seed: int = 0,
        device: torch.device = torch.device("cpu"),  # noqa: B008 - a device is immutable
    ) -> None:
        sizes = {"batch_size": batch_size, "height": height, "width": width, "samples": samples}
        _check_positive(sizes)
        _check_target(data, noise, target)
        if augment is not None:
            augment.check_fit(height, width)
        self.batch_size, self.height, self.width = batch_size, height, width
        self.target, self.noise, self.augment = target, noise, augment
        self.seed, self.device = seed, device
        if isinstance(data, ImagePairs):
            self._first = Photographs(data.names, data.first)
            self._second = Photographs(data.names, data.second)
        else:
            self._first = Photographs(data.names, data.images)
        self._first.check_fit(height, width, noise.largest_block if noise else 1)
        self._whole_pairs = noise is None and self._first.all_are(height, width)
        self.samples = self._first.tiles(height, width) if samples is None else samples
        self._photographs = [self._first, *([self._second] if noise is None else [])]
        draws_there = noise is None or getattr(noise, "on_device", False)  # a plugin's may lack it
        self._resident = draws_there and _has_room(device, self._photographs)
        self._at_once = 1
        if self._resident:
            self._move()
        self._drawn: tuple[int, int, Batch | None] = (-1, -1, None)
        self._order: tuple[int, Tensor] = (-1, torch.empty(0))

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-self.samples // self.batch_size)

    def batch(self, epoch: int, index: int) -> Batch:
        """The batch ``index`` of ``epoch``, both from 0."""
        if not 0 <= index < len(self):
            raise IndexError(f"batch {index} of an epoch of {len(self)}")
        return self._slice(epoch, index).to(self.device)

    def iterate(self, epoch: int, start: int = 0) -> Generator[Batch, None, None]:
        """The batches of ``epoch`` from index ``start`` on.

        They are prepared ahead on another thread, which ends when the iterator is exhausted or
        closed; on a GPU by the GPU itself, which nobody waits for.
        """
        indices = range(start, len(self))
        if self._resident:
            yield from (self._slice(epoch, index) for index in indices)
            return
        with closing(prefetch(partial(self._stage, epoch), indices, DEPTH)) as batches:
            for batch in batches:
                yield batch.to(self.device)

    def _stage(self, epoch: int, index: int) -> Batch:
        batch = self._draw(epoch, index)  # one at once
        return batch.pinned() if self.device.type == "cuda" else batch

    def _move(self) -> None:
        for photographs in self._photographs:
            photographs.pixels = photographs.pixels.to(self.device)
        pixels = self.batch_size * self.height * self.width
        if self.augment is None or not self.augment.noise:  # which is relative to the batch
            self._at_once = max(1, PIXELS_AT_ONCE // pixels)

    def _slice(self, epoch: int, index: int) -> Batch:
        """The batch ``index`` of those that are drawn at once, of which the latest are kept."""
        if self._at_once == 1:
            return self._draw(epoch, index)
        group, position = divmod(index, self._at_once)
        *drawn, batches = self._drawn
        if drawn != [epoch, group] or batches is None:
            batches = self._draw(epoch, group)
            self._drawn = epoch, group, batches
        first = position * self.batch_size
        return batches.rows(first, first + self.batch_size)

    def _draw(self, epoch: int, group: int) -> Batch:
        """The images of one batch, or of all batches that are drawn at once."""
        draws = generator(self.seed, Stream.BATCH, epoch, group)
        of_pixels = draws
        if self._resident:
            of_pixels = generator(self.seed, Stream.PIXELS, epoch, group, device=self.device)
        count = self._at_once * self.batch_size
        indices = range(group * count, min((group + 1) * count, self.samples))
        if self.noise is None:
            batch = self._pairs(epoch, indices, draws)
        else:
            batch = self._noisy_copies(self.noise, len(indices), draws, of_pixels)
        return batch if self.augment is None else self.augment(batch, draws, of_pixels)

    def _noisy_copies(
        self, noise: Noise, n: int, draws: torch.Generator, of_pixels: torch.Generator
    ) -> Batch:
        block = noise.block_sizes(n, draws)
        size = self.height, self.width
        crops = self._first.crops(self._first.random_positions(block, *size, draws), block, *size)
        x = noise.draw(crops, of_pixels).image
        if self.target == "clean":
            return Batch(x, crops.clean)
        target = noise.draw(crops, of_pixels)
        return Batch(x, target.image, target.mask)

    def _pairs(self, epoch: int, indices: range, draws: torch.Generator) -> Batch:
        block = torch.ones(len(indices), dtype=torch.int64)
        size = self.height, self.width
        if self._whole_pairs:
            photograph = self._epoch_order(epoch)[indices.start : indices.stop]
            positions = Positions(photograph, torch.zeros_like(block), torch.zeros_like(block))
        else:
            positions = self._first.random_positions(block, *size, draws)
        return Batch(
            self._first.crops(positions, block, *size).clean,
            self._second.crops(positions, block, *size).clean,
        )

    def _epoch_order(self, epoch: int) -> Tensor:
        """Which pair each sample of ``epoch`` is: as many permutations as ``samples`` takes."""
        cached, order = self._order
        if cached != epoch:
            draws = generator(self.seed, Stream.ORDER, epoch)
            count = len(self._first.names)
            rounds = -(-self.samples // count)
            order = torch.cat([torch.randperm(count, generator=draws) for _ in range(rounds)])
            self._order = epoch, order
        return order


def _has_room(device: torch.device, photographs: Sequence[Photographs]) -> bool:
    """Whether the pixels of all photographs fit on a GPU, beside what training needs there."""
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    return sum(item.pixels.nbytes for item in photographs) <= free // 4


def _check_positive(sizes: Mapping[str, int | None]) -> None:
    for name, size in sizes.items():
        if size is not None and size < 1:
            raise ArgumentError(f"data: {name} is {size}. It must be 1 or more.")


def _check_target(data: CleanImages | ImagePairs, noise: Noise | None, target: str) -> None:
    if isinstance(data, ImagePairs) == (noise is not None):
        raise noise_mismatch(data)
    if target not in ("noisy", "clean"):
        raise ArgumentError(f"data: target is {target!r}. It is 'noisy' or 'clean'.")
    if isinstance(data, ImagePairs) and data.second_is_clean != (target == "clean"):
        second, other = ("clean", "clean") if data.second_is_clean else ("noisy too", "noisy")
        raise DataError(
            f"data: target is {target!r}, but the second image of each pair is {second}. "
            f"Set target to {other!r}."
        )
