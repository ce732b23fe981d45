"""Neighbor2Neighbor: two half-size pictures out of the pixels of one."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo.data.batch import Batch
from zoo.data.pairings.base import Needs, Pairing, Predict, sub_lattice
from zoo.errors import ArgumentError

# The pixels of a cell of 2 x 2 are 0 and 1, and 2 and 3 below them: those that share an edge, in
# both orders.
FIRST = (0, 0, 1, 2, 1, 2, 3, 3)
SECOND = (1, 2, 3, 3, 0, 0, 1, 2)


class Neighbors(Pairing):
    """Input and target are two half-size pictures of one noisy picture y: Neighbor2Neighbor.

    In each cell of 2 x 2 pixels one of the eight ordered pairs of pixels that share an edge is
    drawn, the same for all channels: its first pixel is the input's, ``g1 y``, its second the
    target's, ``g2 y``. Neighbouring pixels do not show quite the same, which blurs. So the target
    becomes, with ``e = g1 f(y) - g2 f(y)`` by the network f as it is, ::

        t = g2 y + L / (1 + L) e

    and ``(1 + L) mean (f(g1 y) - t)^2`` has the gradient of the published loss, ``mean d^2 + L mean
    (d - e)^2`` with ``d = f(g1 y) - g2 y``. L grows evenly over the run, from 0 to ``weight``.

    Source: Huang et al., "Neighbor2Neighbor: Self-Supervised Denoising from Single Noisy Images",
    CVPR 2021.

    Args:
        weight: L at the end of the run, >= 0; 0 for g2 y as it is, which saves a forward pass.
        stride: of the sub-lattice of pixels to work on, >= 1; above 1 for noise that is alike at
            neighbouring pixels.

    Raises:
        ArgumentError: one is out of range.
    """

    needs: Needs = "nothing"

    def __init__(self, weight: float = 2.0, stride: int = 1) -> None:
        if not 0 <= weight < float("inf"):
            raise ArgumentError(f"neighbors: weight is {weight}. It must be a number >= 0.")
        if stride < 1:
            raise ArgumentError(f"neighbors: stride is {stride}. It must be 1 or more.")
        self.weight, self.stride = weight, stride

    def window(self, height: int, width: int) -> tuple[int, int]:
        """Twice the input's size, for each step of the sub-lattice."""
        return 2 * self.stride * height, 2 * self.stride * width

    def draw(self, batch: Batch, generator: torch.Generator) -> Batch:
        """g1 y, g2 y, and the mask's pixels of the second; keeps y and which pixels they are."""
        view = sub_lattice(batch, self.stride, generator)
        y, (n, _, height, width) = view.x, view.x.shape
        pair = torch.randint(
            len(FIRST), (n, height // 2, width // 2), generator=generator, device=y.device
        )
        mask = None if view.mask is None else pick(view.mask, SECOND, pair)
        kept = (y, pair) if self.weight else ()
        return Batch(pick(y, FIRST, pair), pick(y, SECOND, pair), mask, kept)

    def correct(self, batch: Batch, predict: Predict, progress: float) -> Batch:
        """The batch with the target t."""
        weight = self.weight * progress
        if not (weight and batch.kept):
            return batch
        y, pair = batch.kept
        clean = predict(y)
        difference = pick(clean, FIRST, pair) - pick(clean, SECOND, pair)
        target = batch.target + weight / (1 + weight) * difference
        return Batch(batch.x, target, batch.mask)


def pick(y: Tensor, pixels: tuple[int, ...], pair: Tensor) -> Tensor:
    """One pixel of each cell of 2 x 2.

    Args:
        y: (N, C, 2H, 2W).
        pixels: which pixel of a cell each pair stands for.
        pair: (N, H, W) int64.

    Returns:
        (N, C, H, W).
    """
    n, channels, height, width = y.shape
    cells = y.reshape(n, channels, height // 2, 2, width // 2, 2).transpose(3, 4).flatten(4)
    pixel = torch.tensor(pixels, device=y.device)[pair]
    return cells.gather(4, pixel[:, None, :, :, None].expand(-1, channels, -1, -1, 1)).squeeze(4)
