"""The kit on initializers and losses: right ones pass, and each mistake is found by its checks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import nan, sqrt

import pytest
import torch
from torch import Tensor

from tests.conformance.test_kit import found_by
from zoo.errors import ArgumentError
from zoo.init import fans
from zoo.nn import MSE
from zoo.testing import INITIALIZER_CHECKS, LOSS_CHECKS, InitializerCase, LossCase

Generator = torch.Generator | None


@dataclass(frozen=True)
class Right:
    """N(0, 2 / fan_in); right, and what the mistakes begin with."""

    def __call__(self, value: Tensor, *, fan_in: int, fan_out: int, generator: Generator) -> None:
        value.normal_(0.0, sqrt(2 / fan_in), generator=generator)


class OtherFan(Right):
    def __call__(self, value: Tensor, *, fan_in: int, fan_out: int, generator: Generator) -> None:
        super().__call__(value, fan_in=fan_out, fan_out=fan_in, generator=generator)


class VarianceForDeviation(Right):
    def __call__(self, value: Tensor, *, fan_in: int, fan_out: int, generator: Generator) -> None:
        value.normal_(0.0, 2 / fan_in, generator=generator)


class OnlyPositive(Right):
    def __call__(self, value: Tensor, *, fan_in: int, fan_out: int, generator: Generator) -> None:
        super().__call__(value, fan_in=fan_in, fan_out=fan_out, generator=generator)
        value.abs_()


class GlobalGenerator(Right):
    def __call__(self, value: Tensor, *, fan_in: int, fan_out: int, generator: Generator) -> None:
        super().__call__(value, fan_in=fan_in, fan_out=fan_out, generator=None)


class AlwaysTheSame(Right):
    def __call__(self, value: Tensor, *, fan_in: int, fan_out: int, generator: Generator) -> None:
        same = torch.Generator().manual_seed(0)
        super().__call__(value, fan_in=fan_in, fan_out=fan_out, generator=same)


class NeverTheSame(Right):
    def __call__(self, value: Tensor, *, fan_in: int, fan_out: int, generator: Generator) -> None:
        other = torch.Generator()
        other.seed()
        super().__call__(value, fan_in=fan_in, fan_out=fan_out, generator=other)


class AddsToTheOldValues(Right):
    def __call__(self, value: Tensor, *, fan_in: int, fan_out: int, generator: Generator) -> None:
        before = value.nan_to_num()
        super().__call__(value, fan_in=fan_in, fan_out=fan_out, generator=generator)
        value.add_(before)


class LeavesTheFirst(Right):
    def __call__(self, value: Tensor, *, fan_in: int, fan_out: int, generator: Generator) -> None:
        super().__call__(value[1:], fan_in=fan_in, fan_out=fan_out, generator=generator)


class ReturnsAnother(Right):
    def __call__(self, value: Tensor, *, fan_in: int, fan_out: int, generator: Generator) -> Tensor:  # type: ignore[override]  # the mistake
        super().__call__(value, fan_in=fan_in, fan_out=fan_out, generator=generator)
        return value


class FillsTheStorage(Right):
    def __call__(self, value: Tensor, *, fan_in: int, fan_out: int, generator: Generator) -> None:
        super().__call__(value, fan_in=fan_in, fan_out=fan_out, generator=generator)
        storage = torch.empty(0, dtype=value.dtype).set_(value.untyped_storage())
        storage[0] = 0.5 if storage[0].isnan() else storage[0]


class DividesByZero(Right):
    def __call__(self, value: Tensor, *, fan_in: int, fan_out: int, generator: Generator) -> None:
        super().__call__(value, fan_in=fan_in, fan_out=fan_out, generator=generator)
        value[0] = float("inf")


class OtherInFloat32(Right):
    def __call__(self, value: Tensor, *, fan_in: int, fan_out: int, generator: Generator) -> None:
        super().__call__(value, fan_in=fan_in, fan_out=fan_out, generator=generator)
        if value.dtype == torch.float32:
            value.mul_(2)


class NoBiases(Right):
    def __call__(self, value: Tensor, *, fan_in: int, fan_out: int, generator: Generator) -> None:
        if value.dim() < 2:
            raise ArgumentError("NoBiases: no bias.")
        super().__call__(value, fan_in=fan_in, fan_out=fan_out, generator=generator)


class BiasesOfNan(Right):
    def __call__(self, value: Tensor, *, fan_in: int, fan_out: int, generator: Generator) -> None:
        super().__call__(value, fan_in=fan_in, fan_out=fan_out, generator=generator)
        if value.dim() < 2:
            value.fill_(nan)


# Each mistake with all the checks that find it, and the message of the first.
MISTAKES: list[tuple[type[Right], set[str], str]] = [
    (Right, set(), ""),
    (OtherFan, {"theory"}, "init: the deviation of (60, 40) is 0.1829, not 0.2236."),
    (VarianceForDeviation, {"theory"}, "init: the deviation of (60, 40) is 0.0501, not 0.2236."),
    (OnlyPositive, {"theory"}, "init: the mean of (60, 40) is 0.1786, not 0."),
    (
        GlobalGenerator,
        {"fills_everything", "generator"},
        "init: a value of ones, filled: Tensor-likes are not equal!",
    ),
    (AlwaysTheSame, {"generator", "theory"}, "init: the values do not depend on the generator."),
    (
        NeverTheSame,
        {"fills_everything", "generator", "no_generator"},
        "init: a value of ones, filled: Tensor-likes are not equal!",
    ),
    (
        AddsToTheOldValues,
        {"fills_everything"},
        "init: a value of ones, filled: Tensor-likes are not equal!",
    ),
    (
        LeavesTheFirst,
        {"biases", "dtypes", "fills_everything", "generator", "in_place", "no_generator", "theory"},
        "init: 40 of 2400 values are nan, as before.",
    ),
    (ReturnsAnother, {"in_place"}, "init: returns Tensor. Return nothing."),
    (FillsTheStorage, {"in_place"}, "init: changes what is around the value."),
    (
        DividesByZero,
        {"biases", "dtypes", "fills_everything", "theory"},
        "init: 40 of 2400 values are infinite.",
    ),
    (
        OtherInFloat32,
        {"dtypes"},
        "init: the deviation of float32 values is 0.4518, of float64 values 0.2243.",
    ),
    (NoBiases, {"biases"}, "init: refuses a bias. Fill it, or say biases=False."),
    (
        BiasesOfNan,
        {"biases"},
        "init: a bias becomes [nan, nan, nan, nan, nan, nan, nan].",
    ),
]


def case_of(initializer: type[Right], biases: bool = True) -> InitializerCase:
    return InitializerCase(initializer, "init", 0.0, lambda shape: sqrt(2 / fans(shape)[0]), biases)


@pytest.mark.parametrize(
    ("initializer", "expected", "message"), MISTAKES, ids=lambda it: getattr(it, "__name__", "")
)
def test_every_mistake_is_found(initializer: type[Right], expected: set[str], message: str) -> None:
    case, said = case_of(initializer), ""
    assert found_by(INITIALIZER_CHECKS, case) == expected
    for check in INITIALIZER_CHECKS:
        try:
            check(case)
        except AssertionError as error:
            said = said or str(error).splitlines()[0]
    assert said == message


def test_an_initializer_of_weights_only() -> None:
    assert found_by(INITIALIZER_CHECKS, case_of(NoBiases, biases=False)) == set()
    assert found_by(INITIALIZER_CHECKS, case_of(Right, biases=False)) == {"biases"}


# Losses.


class MissingFactor(MSE):
    def backward(self) -> Tensor:
        return super().backward() / 2


class LossForEachImage(MSE):
    def forward(self, y: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        return super().forward(y, target, mask).expand(len(y))


class ChangesTheOutput(MSE):
    def forward(self, y: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        return super().forward(y.clamp_(0, 1), target, mask)


class LooksThroughTheMask(MSE):
    def forward(self, y: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        loss = super().forward(y, target, mask)
        if mask is not None:
            super().forward(y, target)
        return loss


class CountsWhatIsMasked(MSE):
    """The mean over all elements, of which those outside the mask are 0."""

    def forward(self, y: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        return super().forward(y, target if mask is None else target * mask + y * (1 - mask))


class SumOfImages(MSE):
    def forward(self, y: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        self.count = len(y)
        return super().forward(y, target, mask) * self.count

    def backward(self) -> Tensor:
        return super().backward() * self.count


class WithoutForward(MSE):
    def backward(self) -> Tensor:
        return super().backward() if self._saved else torch.zeros(())


class WrongSignNearZero(MSE):
    """The gradient has the wrong sign where |d| < 1e-3."""

    def forward(self, y: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        self.near = (y - target).abs() < 1e-3
        return super().forward(y, target, mask)

    def backward(self) -> Tensor:
        gradient = super().backward()
        return gradient.where(~self.near, -gradient)


class NoGradientWhereEqual(MSE):
    """0 / 0 where output and target are the same."""

    def forward(self, y: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        self.same = (y == target) if len(y) > 1 else torch.zeros_like(y, dtype=torch.bool)
        return super().forward(y, target, mask)

    def backward(self) -> Tensor:
        return super().backward().masked_fill(self.same, torch.nan)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (MSE, set()),
        (MissingFactor, {"backward", "backward_of_near", "mask"}),
        (WrongSignNearZero, {"backward_of_near"}),
        (NoGradientWhereEqual, {"backward_of_near"}),
        (
            LossForEachImage,
            {"value", "backward", "backward_of_near", "mask", "mask_of_zeros", "masked_images"}
            | {"mean_of_images"},
        ),
        (ChangesTheOutput, {"value", "backward", "backward_of_near", "mask"}),
        (
            LooksThroughTheMask,
            {"mask", "outside_the_mask", "masked_images", "mask_of_zeros"},
        ),
        (CountsWhatIsMasked, {"masked_images"}),
        (SumOfImages, {"mean_of_images", "masked_images"}),
        (WithoutForward, {"backward_needs_forward"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_mistake_in_a_loss_is_found(loss: type[MSE], expected: set[str]) -> None:
    assert found_by(LOSS_CHECKS, LossCase(partial(loss), "loss")) == expected
