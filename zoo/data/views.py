"""Views of random crops: the noisy and clean ones that batches are made of, by kind of data."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from zoo.data.batch import Batch
from zoo.data.crops import Photographs, Positions
from zoo.data.noise.base import Noise
from zoo.data.pairings.base import Needs
from zoo.data.seeding import generator
from zoo.data.sets import Bursts, ImagePairs, Images, SingleImages, noise_mismatch
from zoo.data.streams import Stream
from zoo.errors import DataError


class Samples(NamedTuple):
    """Which samples to draw, and what decides how.

    Attributes:
        epoch: from 0.
        indices: of the samples in it.
        size: height and width of the crops.
        draws: decides where they are, on the CPU.
        of_pixels: of the pixels' device.
    """

    epoch: int
    indices: range
    size: tuple[int, int]
    draws: torch.Generator
    of_pixels: torch.Generator


class Views(Protocol):
    """What crops are drawn from.

    Attributes:
        photographs: all pixels, which may be moved to a device.
        on_device: whether views can be drawn there.
    """

    photographs: list[Photographs]
    on_device: bool = True

    def check_fit(self, height: int, width: int) -> None:
        """Refuse images that are smaller than a crop.

        Raises:
            DataError: one is.
        """
        self.photographs[0].check_fit(height, width, 1)

    def room(self) -> tuple[int, int]:
        """Height and width of the largest crop that fits in all images."""
        return int(self.photographs[0].heights.min()), int(self.photographs[0].widths.min())

    def draw(self, samples: Samples) -> Batch:
        """The views of some samples of an epoch.

        Returns:
            A noisy view, and as target what the pairing needs; the noisy view again where that is
            nothing.
        """
        ...


def views_of(data: Images, noise: Noise | None, needs: Needs, seed: int) -> Views:
    """The views of some data.

    Args:
        data: pictures, pairs or bursts.
        noise: to add to pictures; None for pairs and bursts.
        needs: what the pairing needs beside a noisy view.
        seed: of the order of pairs.

    Raises:
        ArgumentError: ``noise`` is missing or not wanted.
        DataError: the data have not what is needed.
    """
    if isinstance(data, SingleImages) == (noise is None):
        raise noise_mismatch(data)
    if isinstance(data, SingleImages):
        assert noise is not None
        if needs != "nothing" and not noise.simulated:
            raise DataError(
                f"data: target is {needs!r}, but there is one picture of each scene, and it is "
                "noisy. Set target to 'neighbors' or 'blind_spot'."
            )
        return NoisyCopies(data, noise, needs)
    if isinstance(data, Bursts):
        if needs == "clean":
            raise DataError(
                "data: target is 'clean', but all shots of a burst are noisy. "
                "Set target to 'noisy'."
            )
        return Shots(data, needs)
    if needs != "nothing" and data.second_is_clean != (needs == "clean"):
        second = "clean" if data.second_is_clean else "noisy too"
        other = "clean" if data.second_is_clean else "noisy"
        raise DataError(
            f"data: target is {needs!r}, but the second image of each pair is {second}. "
            f"Set target to {other!r}."
        )
    return Pairs(data, needs, seed)


class NoisyCopies(Views):
    """Copies of clean pictures with simulated noise, or pictures that are noisy already."""

    def __init__(self, data: SingleImages, noise: Noise, needs: Needs) -> None:
        self.noise, self.needs = noise, needs
        self.photographs = [Photographs(data.names, data.images)]
        self.on_device = getattr(noise, "on_device", False)  # a plugin's may lack it

    def check_fit(self, height: int, width: int) -> None:
        """Refuse pictures that are smaller than a crop of the largest blocks."""
        self.photographs[0].check_fit(height, width, self.noise.largest_block)

    def room(self) -> tuple[int, int]:
        """Height and width of the largest crop of the largest blocks that fits in all pictures."""
        height, width = super().room()
        return height // self.noise.largest_block, width // self.noise.largest_block

    def draw(self, samples: Samples) -> Batch:
        """One or two noisy copies, whose mask is that of the target, or the clean crops."""
        (photographs,) = self.photographs
        block = self.noise.block_sizes(len(samples.indices), samples.draws)
        positions = photographs.random_positions(block, *samples.size, samples.draws)
        crops = photographs.crops(positions, block, *samples.size)
        x, mask = self.noise.draw(crops, samples.of_pixels)
        if self.needs == "nothing":
            return Batch(x, x, mask)
        if self.needs == "clean":
            return Batch(x, crops.clean)
        return Batch(x, *self.noise.draw(crops, samples.of_pixels))


class Pairs(Views):
    """Both images of pairs, or one of the two at random.

    Pairs of the crop's own size come each once in an epoch, in a fresh order; of larger ones random
    crops, at the same position in both.
    """

    def __init__(self, data: ImagePairs, needs: Needs, seed: int) -> None:
        self.needs, self.second_is_clean, self.seed = needs, data.second_is_clean, seed
        self.photographs = [Photographs(data.names, side) for side in data.sides]
        self._order: tuple[int, Tensor] = (-1, torch.empty(0))

    def draw(self, samples: Samples) -> Batch:
        """The first images and the second ones, or either of the two."""
        block = torch.ones(len(samples.indices), dtype=torch.int64)
        first = self.photographs[0]
        if first.all_are(*samples.size):
            photograph = self._epoch_order(samples.epoch, samples.indices.stop)[
                samples.indices.start :
            ]
            positions = Positions(photograph, torch.zeros_like(block), torch.zeros_like(block))
        else:
            positions = first.random_positions(block, *samples.size, samples.draws)
        x, target = (side.crops(positions, block, *samples.size).clean for side in self.photographs)
        if self.needs != "nothing":
            return Batch(x, target)
        if not self.second_is_clean:
            either = torch.rand(len(x), 1, 1, 1, generator=samples.of_pixels, device=x.device) < 0.5
            x = torch.where(either, x, target)
        return Batch(x, x)

    def _epoch_order(self, epoch: int, count: int) -> Tensor:
        """Which pair each of the first ``count`` samples is: one permutation after the other."""
        cached, order = self._order
        if cached != epoch or len(order) < count:
            draws, pairs = generator(self.seed, Stream.ORDER, epoch), len(self.photographs[0].names)
            rounds = -(-count // pairs)
            order = torch.cat([torch.randperm(pairs, generator=draws) for _ in range(rounds)])
            self._order = epoch, order
        return order[:count]


class Shots(Views):
    """Two different shots of a burst at random, the same crop of both; or one of them."""

    def __init__(self, data: Bursts, needs: Needs) -> None:
        self.needs = needs
        counts = torch.tensor([len(shots) for shots in data.shots])
        names = [name for name, shots in zip(data.names, data.shots, strict=True) for _ in shots]
        self.photographs = [Photographs(names, [shot for shots in data.shots for shot in shots])]
        self._count = counts.repeat_interleave(counts)  # of each shot's burst
        self._start = (counts.cumsum(0) - counts).repeat_interleave(counts)

    def draw(self, samples: Samples) -> Batch:
        """A shot, and another one."""
        (shots,) = self.photographs
        block = torch.ones(len(samples.indices), dtype=torch.int64)
        positions = shots.random_positions(block, *samples.size, samples.draws)
        x = shots.crops(positions, block, *samples.size).clean
        if self.needs == "nothing":
            return Batch(x, x)
        first = positions.photograph
        start, count = self._start[first], self._count[first]
        step = 1 + (torch.rand(len(first), generator=samples.draws) * (count - 1)).long()
        other = positions._replace(photograph=start + (first - start + step) % count)
        return Batch(x, shots.crops(other, block, *samples.size).clean)
