"""Mean squared error."""

from __future__ import annotations

from torch import Tensor

from zoo.errors import BackwardError
from zoo.nn.loss_inputs import check_target, keep_
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

    Attributes:
        mean_of_images: that the loss of a batch without a mask is the mean of its images' losses.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MSELoss.html
    """

    mean_of_images = True

    def __init__(self) -> None:
        self._saved: tuple[Tensor, Tensor | int] | None = None

    def forward(self, y: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """The loss, a tensor without axes."""
        check_target("MSE", y, target)
        difference = target - y  # in the target's order in memory, which can be flattened
        if mask is None:
            self._saved = difference, max(difference.numel(), 1)
            return _squared_length(difference) / difference.numel()
        count = keep_("MSE", difference, mask)
        self._saved = difference, count
        return _squared_length(difference) / count

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
        return difference * (-2 / count)

    def param(self) -> list[Parameter]:
        """No parameters."""
        return []

    def __call__(self, y: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """The same as ``forward``."""
        return self.forward(y, target, mask)


def _squared_length(difference: Tensor) -> Tensor:
    """The sum of the squares: one pass over memory, and no tensor of squares."""
    flat = difference.reshape(-1)
    return flat.dot(flat)
