"""What a pairing is: the contract, and sub-lattices for noise that neighbours share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from zoo.data.batch import Batch

Predict = Callable[[Tensor], Tensor]
Needs = Literal["noisy", "clean", "nothing"]


class Pairing:
    """How input and target with independent noise come from what the data give.

    Attributes:
        needs: what a draw needs beside a noisy view of a crop: another ``noisy`` one with
            independent noise, the ``clean`` crop, or ``nothing``.
        masks: whether batches carry a mask of the pixels that count.
    """

    needs: Needs = "noisy"
    masks: bool = False

    def window(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the crop that an input of ``height`` x ``width`` is drawn from."""
        return height, width

    def draw(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Input and target, from views of crops.

        Args:
            batch: ``x`` is a noisy view, (N, C, h, w) of the size that :meth:`window` says, and
                ``target`` what :attr:`needs` says, else ``x`` again; turned already.
            generator: of the batch's device.
        """
        return batch

    def correct(self, batch: Batch, predict: Predict, progress: float) -> Batch:
        """The batch of the step that comes next, its target changed by what the network has learnt.

        Args:
            batch: as :meth:`draw` gave it.
            predict: the network as it is, for images of any size; no gradient goes through it.
            progress: the part of the run that is done, 0 to 1.
        """
        return batch


def sub_lattice(batch: Batch, stride: int, generator: torch.Generator) -> Batch:
    """Every ``stride``-th pixel of every ``stride``-th row, from a random one on for each image.

    Noise that is alike at neighbouring pixels is more nearly independent there.

    Args:
        batch: of (N, C, stride * H, stride * W); the target is not used.
        stride: 1 or more.
        generator: of the batch's device.

    Returns:
        x as target too, and the mask; (N, C, H, W) each.
    """
    n, _, height, width = batch.x.shape
    if stride == 1:
        return Batch(batch.x, batch.x, batch.mask)
    rows, columns = torch.randint(stride, (2, n), generator=generator, device=batch.x.device)
    images = torch.arange(n, device=batch.x.device)

    def chosen(y: Tensor) -> Tensor:
        shape = n, y.shape[1], height // stride, stride, width // stride, stride
        lattices = y.reshape(shape)
        return lattices[images, :, :, rows, :, columns]

    x = chosen(batch.x)
    return Batch(x, x, None if batch.mask is None else chosen(batch.mask))
