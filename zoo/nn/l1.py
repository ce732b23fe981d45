"""Mean absolute error."""

from __future__ import annotations

from torch import Tensor

from zoo.errors import BackwardError
from zoo.nn.loss_inputs import check_target, keep_
from zoo.nn.parameter import Parameter


class L1:
    """The mean of the absolute differences: it is smallest at the median, not at the mean.

    So it is the loss of Noise2Noise for noise whose median is the clean image, such as text and
    other things that cover less than half of it (Lehtinen et al., "Noise2Noise: Learning Image
    Restoration without Clean Data", ICML 2018, sections 2 and 3.2). With n the number of elements::

        forward:  L = 1/n sum |y - target|
        backward: grad_y = 1/n sign(y - target), which is 0 where they are equal

    With a mask m of zeros and ones only the elements where m is 1 count, and n is their number (at
    least 1).

    Shapes:
        y, target: any, the same. mask: one that broadcasts to it, such as (N, 1, H, W).
        L: (), on the device of y.

    Raises:
        ShapeError: y and target differ in shape, or the mask does not broadcast to it.

    Attributes:
        mean_of_images: that the loss of a batch without a mask is the mean of its images' losses.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.L1Loss.html
    """

    mean_of_images = True

    def __init__(self) -> None:
        self._saved: tuple[Tensor, Tensor | int] | None = None

    def forward(self, y: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """The loss, a tensor without axes."""
        check_target("L1", y, target)
        difference = target - y  # in the target's order in memory, which can be flattened
        if mask is None:
            self._saved = difference, max(difference.numel(), 1)
            return difference.abs().sum() / difference.numel()
        count = keep_("L1", difference, mask)
        self._saved = difference, count
        return difference.abs().sum() / count

    def backward(self) -> Tensor:
        """The gradient of the latest ``forward``'s loss with respect to y, of y's shape.

        Raises:
            BackwardError: there was no ``forward``.
        """
        if self._saved is None:
            raise BackwardError(
                "L1: backward has no forward pass to go back through. Call forward first."
            )
        difference, count = self._saved
        return difference.sign() * (-1 / count)

    def param(self) -> list[Parameter]:
        """No parameters."""
        return []

    def __call__(self, y: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """The same as ``forward``."""
        return self.forward(y, target, mask)
