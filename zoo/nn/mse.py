"""Mean squared error."""

from __future__ import annotations

from torch import Tensor

from zoo.errors import BackwardError, ShapeError
from zoo.nn.parameter import Parameter


class MSE:
    """The mean of the squared differences: the loss of Noise2Noise for zero-mean noise.

    With n the number of elements::

        forward:  L = 1/n sum (y - target)^2
        backward: grad_y = 2/n (y - target)

    With a mask m of zeros and ones only the elements where m is 1 count, and n is their number (at
    least 1): the loss of Noise2Noise for targets in which pixels are missing (Lehtinen et al.,
    "Noise2Noise: Learning Image Restoration without Clean Data", ICML 2018, section 3.2).

    Shapes:
        y, target: any, the same. mask: one that broadcasts to it, such as (N, 1, H, W).
        L: (), on the device of y.

    Raises:
        ShapeError: y and target differ in shape, or the mask does not broadcast to it.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MSELoss.html
    """

    def __init__(self) -> None:
        self._saved: tuple[Tensor, Tensor | int] | None = None

    def forward(self, y: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """The loss, a tensor without axes."""
        if y.shape != target.shape:
            raise ShapeError(
                f"MSE: the output is {tuple(y.shape)}, the target {tuple(target.shape)}. "
                "Give both the same shape."
            )
        difference = y - target
        if mask is None:
            self._saved = difference, max(difference.numel(), 1)
            return difference.square().mean()
        kept = _broadcast(mask, difference)
        difference = difference * kept
        count = kept.sum().clamp(min=1)
        self._saved = difference, count
        return difference.square().sum() / count

    def backward(self) -> Tensor:
        """The gradient of the latest ``forward``'s loss with respect to y, of y's shape.

        Raises:
            BackwardError: there was no ``forward``.
        """
        if self._saved is None:
            raise BackwardError(
                "MSE: backward has no forward pass to go back through. Call forward first."
            )
        difference, count = self._saved
        return difference * (2 / count)

    def param(self) -> list[Parameter]:
        """No parameters."""
        return []

    def __call__(self, y: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """The same as ``forward``."""
        return self.forward(y, target, mask)


def _broadcast(mask: Tensor, like: Tensor) -> Tensor:
    try:
        return mask.to(like.dtype).expand_as(like)
    except RuntimeError:
        raise ShapeError(
            f"MSE: the mask is {tuple(mask.shape)}, the output {tuple(like.shape)}. "
            "Give a mask that broadcasts to the output."
        ) from None
