"""The contract of a loss, one check for each clause."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import signature
from typing import Any, Final

from torch import Tensor

from zoo.errors import BackwardError
from zoo.testing.cases import normal
from zoo.testing.comparisons import NotApplicable, require, require_close, require_raises
from zoo.testing.gradients import check_loss_gradient

SHAPE: Final = (2, 3, 4, 5)


@dataclass(frozen=True)
class LossCase:
    """One set of options of a loss.

    Attributes:
        build: the loss's class, or a ``functools.partial`` of it with its options.
        id: the name of the case in reports and messages.
        expected_failures: names of checks that are known to fail, each with the reason.
    """

    build: Callable[[], Any]
    id: str
    expected_failures: Mapping[str, str] = field(default_factory=dict)

    @property
    def takes_mask(self) -> bool:
        """Whether ``forward`` takes a mask."""
        return "mask" in signature(self.build().forward).parameters


LossCheck = Callable[[LossCase], None]


def check_value(case: LossCase) -> None:
    """The loss is a finite tensor without axes, and output and target stay as they are."""
    (y, before), (target, expected) = ((_draw(seed), _draw(seed)) for seed in (1, 2))
    loss = case.build()
    value = loss.forward(y, target)
    fits = isinstance(value, Tensor) and value.dim() == 0 and bool(value.isfinite())
    require(fits, f"{case.id}: the loss is {value!r}. Return a finite tensor without axes.")
    loss.backward()
    require_close(f"{case.id}: after backward, the output", y, before, 0)
    require_close(f"{case.id}: after backward, the target", target, expected, 0)


def check_backward(case: LossCase) -> None:
    """``backward`` gives the gradient that autograd and central differences give."""
    check_loss_gradient(case.build(), _draw(1), _draw(2))


def check_mask(case: LossCase) -> None:
    """The same with a mask, where ``forward`` takes one."""
    if not case.takes_mask:
        raise NotApplicable("no mask is taken")
    mask = (_draw(3)[:, :1] > 0).double()
    check_loss_gradient(case.build(), _draw(1), _draw(2), mask)


def check_backward_needs_forward(case: LossCase) -> None:
    """``backward`` of a new loss raises BackwardError."""
    require_raises(f"{case.id}: backward before forward", BackwardError, case.build().backward)


LOSS_CHECKS: Final[Sequence[LossCheck]] = (
    check_value,
    check_backward,
    check_mask,
    check_backward_needs_forward,
)


def _draw(seed: int) -> Tensor:
    return normal(SHAPE, seed)
