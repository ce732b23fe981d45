"""Data augmentation: flips, transposition, quarter turns, and extra noise on the input.

Transposition, quarter turns and noise are those of Santacroce's report (EE-559, 2022).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from zoo.data.batch import Batch, put
from zoo.errors import ArgumentError
from zoo.spec.constraints import square_crops


class Turn(NamedTuple):
    """What happens to each image, in this order: (n,) bool tensors.

    ``any_transposed`` is what a GPU would have to be waited for.
    """

    transpose: Tensor
    flip_rows: Tensor
    flip_columns: Tensor
    any_transposed: bool

    def to(self, device: torch.device) -> Turn:
        """The same for images on ``device``."""
        turns = put(torch.stack((self.transpose, self.flip_rows, self.flip_columns)), device)
        transpose, flip_rows, flip_columns = turns
        return Turn(transpose, flip_rows, flip_columns, self.any_transposed)

    def __call__(self, image: Tensor) -> Tensor:
        """The turned images, (n, C, H, W); H = W if any is transposed."""
        if self.any_transposed:
            image = torch.where(self.transpose[:, None, None, None], image.mT, image)
        image = torch.where(self.flip_rows[:, None, None, None], image.flip(2), image)
        return torch.where(self.flip_columns[:, None, None, None], image.flip(3), image)


@dataclass(frozen=True)
class Augment:
    """Random changes, drawn anew for each image, the same for input, target and mask.

    Attributes:
        flip: flip top to bottom, and left to right, each with probability 1/2.
        transpose: exchange rows and columns with probability 1/2; needs square crops.
        rotate: turn by 0, 90, 180 or 270 degrees, equally likely; needs square crops.
        noise: standard deviation of gaussian noise added to the input only, as a fraction of the
            standard deviation of the batch's input, >= 0 (the report: 0.1).

    Raises:
        ArgumentError: ``noise`` is negative or not finite.
    """

    flip: bool = True
    transpose: bool = False
    rotate: bool = False
    noise: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.noise < float("inf"):
            raise ArgumentError(f"augment: noise is {self.noise}. It must be a number >= 0.")

    def check_fit(self, height: int, width: int) -> None:
        """Refuse crops that cannot be turned.

        Raises:
            ArgumentError: ``transpose`` or ``rotate`` is set and the crops are not square.
        """
        square_crops("augment", vars(self), height, width)

    def turn(self, batch: Batch, generator: torch.Generator) -> Batch:
        """The turned batch; ``batch`` itself is left as it is.

        Args:
            batch: on any device.
            generator: a CPU's, which decides the turns.
        """
        turn = self._draw_turn(batch.x.shape[0], generator).to(batch.x.device)
        x = turn(batch.x)
        target = x if batch.target is batch.x else turn(batch.target)
        return Batch(x, target, None if batch.mask is None else turn(batch.mask))

    def add_noise(self, batch: Batch, generator: torch.Generator) -> Batch:
        """The batch with noise on its input; ``batch`` itself is left as it is.

        Args:
            batch: on any device.
            generator: of that device.
        """
        if not self.noise:
            return batch
        noise = torch.randn(batch.x.shape, generator=generator, device=generator.device)
        return replace(batch, x=batch.x + self.noise * batch.x.std() * noise)

    def _draw_turn(self, n: int, generator: torch.Generator) -> Turn:
        def coin(wanted: bool) -> Tensor:
            return torch.rand(n, generator=generator) < (0.5 if wanted else 0.0)

        # k quarter turns anticlockwise: a transposition if k is odd, then flips of rows (k = 1, 2)
        # and of columns (k = 2, 3); what is drawn for flip and transpose composes with them by xor
        quarters = torch.randint(4 if self.rotate else 1, (n,), generator=generator)
        transpose = coin(self.transpose) ^ (quarters % 2 == 1)
        return Turn(
            transpose=transpose,
            any_transposed=bool(transpose.any()),
            flip_rows=coin(self.flip) ^ (quarters == 1) ^ (quarters == 2),
            flip_columns=coin(self.flip) ^ (quarters == 2) ^ (quarters == 3),
        )
