"""Batches of random crops, each a pure function of (seed, epoch, index)."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from functools import partial

import torch

from zoo.data.augment import Augment
from zoo.data.batch import Batch
from zoo.data.crops import Photographs
from zoo.data.noise.base import Noise
from zoo.data.pairings.base import Pairing
from zoo.data.pairings.views import NoisyTarget
from zoo.data.prefetch import prefetch
from zoo.data.seeding import generator
from zoo.data.sets import Images
from zoo.data.streams import Stream
from zoo.data.views import Samples, views_of
from zoo.distributed.shards import Shards
from zoo.errors import ArgumentError, DataError

__all__ = ["Batch", "Batches"]

NOISY_TARGET = NoisyTarget()
DEPTH = 4  # batches prepared ahead
# Pixels drawn at once on a GPU, where small batches would spend their time on starting kernels.
PIXELS_AT_ONCE = 2**22


class Batches:
    """The batches of a data set, epoch after epoch.

    Views of random crops (:mod:`zoo.data.views`), turned (:mod:`zoo.data.augment`), of which a
    pairing makes input and target (:mod:`zoo.data.pairings`).

    On a GPU the images are moved there once, and noise is drawn and crops are gathered there, for
    several batches at once; where they take more than a quarter of its free memory, or with a noise
    that draws on the CPU only, batches are drawn on the CPU and copied. A GPU draws other numbers
    than a CPU, so a run is repeated exactly on the same kind of device only.

    Args:
        data: pictures, pairs or bursts.
        noise: what to add to pictures; None for pairs and bursts.
        batch_size: N; the last batch of an epoch may be smaller.
        height, width: of the crops.
        pairing: how input and target come from the images; the target is another noisy view unless
            given.
        augment: random changes to each batch, or None.
        samples: images in an epoch; None for every pair once, or for as many crops as tile the
            photographs once.
        seed: of all draws.
        device: where batches are put.

    Attributes:
        shards: which images of a batch :meth:`iterate` and :meth:`shard` give; all of them, unless
            it is set.

    Raises:
        ArgumentError: an impossible argument, or ``noise`` missing or not wanted.
        DataError: an image smaller than the crop, or data that have not what the pairing needs.
    """

    def __init__(
        self,
        data: Images,
        noise: Noise | None,
        *,
        batch_size: int,
        height: int,
        width: int,
        pairing: Pairing = NOISY_TARGET,
        augment: Augment | None = None,
        samples: int | None = None,
        seed: int = 0,
        device: torch.device = torch.device("cpu"),  # noqa: B008 - a device is immutable
    ) -> None:
        sizes = {"batch_size": batch_size, "height": height, "width": width, "samples": samples}
        _check_positive(sizes)
        if augment is not None:
            augment.check_fit(height, width)
        self.batch_size, self.height, self.width = batch_size, height, width
        self.pairing, self.augment = pairing, augment
        self.seed, self.device = seed, device
        self.views = views_of(data, noise, pairing.needs, seed)
        self._window = pairing.window(height, width)
        self._check_fit()
        tiles = self.views.photographs[0].tiles(*self._window)
        self.samples = tiles if samples is None else samples
        self._resident = self.views.on_device and _has_room(device, self.views.photographs)
        self._at_once = 1
        if self._resident:
            self._move()
        self._drawn: tuple[int, int, Batch | None] = (-1, -1, None)
        self.shards = Shards()

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-self.samples // self.batch_size)

    def images_in(self, index: int) -> int:
        """The images of the batch ``index`` of an epoch."""
        return min(self.batch_size, self.samples - index * self.batch_size)

    def batch(self, epoch: int, index: int) -> Batch:
        """The whole batch ``index`` of ``epoch``, both from 0."""
        if not 0 <= index < len(self):
            raise IndexError(f"batch {index} of an epoch of {len(self)}")
        return self._slice(epoch, index).to(self.device)

    def shard(self, epoch: int, index: int) -> Batch:
        """The images of that batch that :attr:`shards` gives."""
        return self._own(self.batch(epoch, index), index)

    def iterate(self, epoch: int, start: int = 0) -> Generator[Batch, None, None]:
        """The shards of the batches of ``epoch`` from index ``start`` on.

        They are prepared ahead on another thread, which ends when the iterator is exhausted or
        closed; on a GPU by the GPU itself, which nobody waits for.
        """
        indices = range(start, len(self))
        if self._resident:
            yield from (self._own(self._slice(epoch, index), index) for index in indices)
            return
        with closing(prefetch(partial(self._stage, epoch), indices, DEPTH)) as batches:
            for batch in batches:
                yield batch.to(self.device)

    def _check_fit(self) -> None:
        """Refuse images that are smaller than a crop, with what would fit."""
        size = self.height, self.width
        try:
            self.views.check_fit(*self._window)
        except DataError as error:
            down, across = (
                room * size // window
                for size, window, room in zip(size, self._window, self.views.room(), strict=True)
            )
            why = (
                ""
                if self._window == size
                else f" The pairing makes {self.height} x {self.width} of them."
            )
            keys = f"Set input.height to {down} or less and input.width to {across} or less."
            advice = f" {keys}" if min(down, across) > 0 else ""
            raise DataError(f"{error}{why}{advice}") from None

    def _stage(self, epoch: int, index: int) -> Batch:
        batch = self._own(self._draw(epoch, index), index)  # one at once
        return batch.pinned() if self.device.type == "cuda" else batch

    def _own(self, batch: Batch, index: int) -> Batch:
        shard = self.shards.of(self.images_in(index))
        return batch.rows(shard.start, shard.stop)

    def _move(self) -> None:
        for photographs in self.views.photographs:
            photographs.pack(self.device)
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
        batch = self.views.draw(Samples(epoch, indices, self._window, draws, of_pixels))
        if self.augment is not None:
            batch = self.augment.turn(batch, draws)
        batch = self.pairing.draw(batch, of_pixels)
        return batch if self.augment is None else self.augment.add_noise(batch, of_pixels)


def _has_room(device: torch.device, photographs: Sequence[Photographs]) -> bool:
    """Whether the pixels of all photographs fit on a GPU, beside what training needs there."""
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    return sum(item.nbytes for item in photographs) <= free // 4


def _check_positive(sizes: Mapping[str, int | None]) -> None:
    for name, size in sizes.items():
        if size is not None and size < 1:
            raise ArgumentError(f"data: {name} is {size}. It must be 1 or more.")
