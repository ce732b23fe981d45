"""The kit on optimizers: a right one passes, and each mistake is found by its checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.conformance.test_kit import found_by
from zoo.optim import SGD, Adam, Optimizer, TensorList
from zoo.testing import OPTIMIZER_CHECKS, OptimizerCase

Pairs = Iterable[Iterable[Tensor]]


class Right(SGD):
    """Momentum, written in torch's way."""


class Uphill(SGD):
    """w + lr b."""

    def update(self, value: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        before = value.clone()
        super().update(value, gradient, state)
        value.copy_(2 * before - value)


class MinusMomentum(SGD):
    """b <- g - mu b."""

    multi_tensor = True

    def update(self, value: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        state["momentum_buffer"].neg_()
        super().update(value, gradient, state)


class ForgetsTheMomentum(SGD):
    """b is 0 before each step."""

    multi_tensor = True

    def update(self, value: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        state["momentum_buffer"].zero_()
        super().update(value, gradient, state)


class AllAtOnceWithHalfTheMomentum(SGD):
    """One parameter after the other is right; all at once have half the momentum."""

    multi_tensor = True

    def update(self, value: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        if isinstance(value, TensorList):
            state["momentum_buffer"].mul_(0.5)
        super().update(value, gradient, state)


class OneBufferForAll(SGD):
    """The state of the first parameter of a shape is used for all."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.shared: dict[str, Tensor] = {}

    def update(self, value: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        mean = self.shared.setdefault("mean", torch.zeros((), dtype=value.dtype))
        mean.lerp_(gradient.mean(), 0.1)
        super().update(value, gradient + 0.01 * mean, state)


class ReplacesTheValue(SGD):
    """value = value - lr g, of which the model knows nothing."""

    def update(self, value: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        value = value - self.lr * gradient


class DecaysTheGradient(SGD):
    """g += lambda w where it stands."""

    def update(self, value: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        super().update(value, gradient.add_(value, alpha=0.1), state)


class UnpacksOnce(SGD):
    """The tensors of the parameters are looked up when it is made."""

    def __init__(self, params: Pairs, lr: float = 1e-3, **options: Any) -> None:
        super().__init__([tuple(pair) for pair in params], lr, **options)


class RemembersTheRate(SGD):
    """A schedule is not listened to."""

    def step(self) -> None:
        self.first = getattr(self, "first", self.lr)
        self.lr, now = self.first, self.lr
        super().step()
        self.lr = now


class DecaysWithoutTheRate(SGD):
    """w - 0.001 w - lr b."""

    def update(self, value: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        value.mul_(1 - 1e-3)
        super().update(value, gradient, state)


class SquaresTheRate(SGD):
    """w - lr² b / 0.02, right at the rate that it is tried with."""

    def update(self, value: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        now, self.lr = self.lr, self.lr**2 / 0.02
        super().update(value, gradient, state)
        self.lr = now


class OverflowsOnTheWay(SGD):
    """g through its fourth power, which float32 has no room for."""

    def update(self, value: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        power = gradient.pow(4)
        super().update(value, gradient * power / power.clamp(min=1e-30), state)


class Jitters(SGD):
    """A little noise."""

    def update(self, value: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        super().update(value, gradient + 1e-3 * torch.randn_like(gradient), state)


class LosesItsState(SGD):
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.state = [{} for _ in self.state]


class LooksAheadByItself(SGD):
    """Every 5 steps back to slow weights, which it keeps beside its state."""

    def step(self) -> None:
        super().step()
        values = [value for value, _ in self._params]
        if self.steps % 5 == 0:
            slow = getattr(self, "slow", values)
            self.slow = [a.lerp(b, 0.5) for a, b in zip(slow, values, strict=True)]


class UsesTheSlowWeights(LooksAheadByItself):
    def step(self) -> None:
        super().step()
        if self.steps % 15 == 0:
            for (value, _), slow in zip(self._params, self.slow, strict=True):
                value.copy_(slow)


class ForgetsAnOption(SGD):
    options = ("momentum", "dampening", "weight_decay", "maximize")


class LosesItsRate(SGD):
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict({**state, "lr": self.lr})


class AcceptsAnyState(SGD):
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.lr, self.steps = state["lr"], state["step"]
        self.state = [dict(each) for each in state["state"]]


class AcceptsAnyRate(SGD):
    def __init__(self, params: Pairs, lr: Any = 1e-3, momentum: float = 0.0) -> None:
        super().__init__(params, 1e-3, momentum)
        self.lr = lr


class StateInFloat64(SGD):
    def update(self, value: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        state["momentum_buffer"] = state["momentum_buffer"].double()
        state["momentum_buffer"].mul_(self.momentum).add_(gradient)
        value.add_(state["momentum_buffer"].to(value.dtype), alpha=-self.lr)


class ReadsMemoryInOrder(SGD):
    def update(self, value: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        super().update(value, gradient.as_strided(value.shape, value.contiguous().stride()), state)


class NoBiasCorrection(Adam):
    """m and v as they are."""

    def update(self, value: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        steps, self.steps = self.steps, 10**6
        super().update(value, gradient, state)
        self.steps = steps


class EpsInsideTheRoot(Adam):
    """sqrt(v + eps) for sqrt(v) + eps."""

    def update(self, value: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        (beta1, beta2), first, second = self.betas, state["exp_avg"], state["exp_avg_sq"]
        first.lerp_(gradient, 1 - beta1)
        second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        root = (second / (1 - beta2**self.steps) + self.eps).sqrt()
        value.addcdiv_(first, root, value=-self.lr / (1 - beta1**self.steps))


class NoEps(Adam):
    """0 / 0 where the gradient is 0."""

    def update(self, value: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        eps, self.eps = self.eps, 0.0
        super().update(value, gradient, state)
        self.eps = eps


class VarianceBelowZero(Adam):
    """sqrt(v - m^2), which rounding makes the root of a negative number."""

    def update(self, value: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        first, second = state["exp_avg"], state["exp_avg_sq"]
        first.lerp_(gradient, 0.1)
        second.mul_(0.9).addcmul_(gradient, gradient, value=0.1)
        value.addcdiv_(first, second.addcmul(first, first, value=-1).sqrt() + 1, value=-self.lr)


class SwappedBetas(Adam):
    def update(self, value: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        self.betas = self.betas[::-1]
        super().update(value, gradient, state)
        self.betas = self.betas[::-1]


class MissingSquare(Adam):
    """The mean of |g| for that of g²."""

    def update(self, value: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        super().update(value, gradient.sign() * gradient.abs().sqrt(), state)


class CountsEachParameter(Adam):
    """t rises with each parameter instead of each step."""

    def update(self, value: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        super().update(value, gradient, state)
        self.steps += 1


class DownhillAlways(Adam):
    """The option ``maximize`` is not looked at."""

    def __init__(self, params: Pairs, maximize: bool = False, **options: Any) -> None:
        super().__init__(params, **options)


NOTHING_HAPPENS = {
    *("against_reference", "follows_the_gradient", "same_tensors", "schedule"),
    "tensors_of_a_parameter",
}
DRAWN_ANEW = {"all_at_once", "each_parameter_alone", "state_round_trip", "strides"}

# Each mistake with all the checks that find it; torch.optim's is beside it as the reference.
OF_SGD: list[tuple[type[SGD], set[str]]] = [
    (Right, set()),
    (Uphill, {"follows_the_gradient", "against_reference"}),
    (MinusMomentum, {"against_reference"}),
    (ForgetsTheMomentum, {"against_reference"}),
    (OneBufferForAll, {"against_reference", "each_parameter_alone", "state_round_trip"}),
    (ReplacesTheValue, NOTHING_HAPPENS),
    (DecaysTheGradient, {"against_reference", "same_tensors"}),
    (UnpacksOnce, {"tensors_of_a_parameter"}),
    (RemembersTheRate, {"schedule", "state_round_trip"}),
    (DecaysWithoutTheRate, {"against_reference", "no_learning_rate"}),
    (Jitters, DRAWN_ANEW | {"against_reference", "deterministic"}),
    (SquaresTheRate, {"schedule"}),
    (OverflowsOnTheWay, {"large_gradient"}),
    (LosesItsState, {"state_round_trip"}),
    (AllAtOnceWithHalfTheMomentum, {"all_at_once", "against_reference"}),
    (UsesTheSlowWeights, {"against_reference", "state_round_trip"}),
    (ForgetsAnOption, {"options"}),
    (LosesItsRate, {"state_round_trip"}),
    (AcceptsAnyState, {"options", "state_of_others"}),
    (AcceptsAnyRate, {"refuses_nonsense"}),
    (StateInFloat64, {"dtypes"}),
    (ReadsMemoryInOrder, {"strides"}),
]
OF_ADAM: list[tuple[type[Adam], set[str]]] = [
    (Adam, set()),
    (NoBiasCorrection, {"against_reference"}),
    (EpsInsideTheRoot, {"against_reference"}),
    (NoEps, {"against_reference", "zero_gradient"}),
    (VarianceBelowZero, {"against_reference", "constant_gradient"}),
    (SwappedBetas, {"against_reference"}),
    (MissingSquare, {"against_reference"}),
    (CountsEachParameter, {"against_reference", "each_parameter_alone"}),
]


def sgd(optimizer: Callable[..., Optimizer]) -> OptimizerCase:
    options = {"lr": 0.02, "momentum": 0.9}
    return OptimizerCase(
        partial(optimizer, **options),
        "sgd",
        torch_reference=lambda _, leaves: torch.optim.SGD(leaves, **options),
    )


def adam(optimizer: Callable[..., Optimizer]) -> OptimizerCase:
    options = {"lr": 0.02, "eps": 1e-6}
    return OptimizerCase(
        partial(optimizer, **options),
        "adam",
        torch_reference=lambda _, leaves: torch.optim.Adam(leaves, **options),
    )


def name_of(value: object) -> str:
    return getattr(value, "__name__", "")


@pytest.mark.parametrize(("optimizer", "expected"), OF_SGD, ids=name_of)
def test_every_mistake_in_sgd_is_found(optimizer: type[SGD], expected: set[str]) -> None:
    assert found_by(OPTIMIZER_CHECKS, sgd(optimizer)) == expected


@pytest.mark.parametrize(("optimizer", "expected"), OF_ADAM, ids=name_of)
def test_every_mistake_in_adam_is_found(optimizer: type[Adam], expected: set[str]) -> None:
    assert found_by(OPTIMIZER_CHECKS, adam(optimizer)) == expected


def test_an_optimizer_that_should_maximise() -> None:
    uphill = OptimizerCase(partial(Adam, maximize=True), "up", maximize=True)
    assert found_by(OPTIMIZER_CHECKS, uphill) == set()
    wrong = OptimizerCase(partial(DownhillAlways, maximize=True), "up", maximize=True)
    assert found_by(OPTIMIZER_CHECKS, wrong) == {"follows_the_gradient"}


@pytest.mark.parametrize(
    ("optimizer", "check", "message"),
    [
        (
            Uphill,
            "follows_the_gradient",
            "sgd: 300 steps on a quadratic went from 13.29 to 1.997e+27. It should get smaller.",
        ),
        (
            ReplacesTheValue,
            "same_tensors",
            "sgd: step, parameter 0: the value is as before. Change it in place.",
        ),
        (
            DecaysTheGradient,
            "same_tensors",
            "sgd: step, parameter 0, the gradient: Tensor-likes are not equal!",
        ),
        (
            UnpacksOnce,
            "tensors_of_a_parameter",
            "sgd: a Parameter with other tensors is not changed. Unpack it in each step.",
        ),
        (
            Jitters,
            "deterministic",
            "sgd: the same again, parameter 0: Tensor-likes are not equal!",
        ),
        (
            OneBufferForAll,
            "each_parameter_alone",
            "sgd: parameter 0 alone: Tensor-likes are not equal!",
        ),
        (
            LosesItsRate,
            "state_round_trip",
            "sgd: after load_state_dict lr is 0.02. It should be 0.01.",
        ),
        (
            AcceptsAnyState,
            "state_of_others",
            "sgd: the state of other parameters: nothing was raised. Raise StateError.",
        ),
        (
            DecaysWithoutTheRate,
            "no_learning_rate",
            "sgd: lr 0, parameter 0: Tensor-likes are not equal!",
        ),
        (
            AcceptsAnyRate,
            "refuses_nonsense",
            "sgd: lr -0.1: nothing was raised. Raise ArgumentError.",
        ),
        (
            StateInFloat64,
            "dtypes",
            "sgd: momentum_buffer of parameter 0, which is torch.float32, is torch.float64. "
            "Use the value's dtype.",
        ),
        (
            ReadsMemoryInOrder,
            "strides",
            "sgd: a transposed parameter: Tensor-likes are not close!",
        ),
    ],
    ids=name_of,
)
def test_the_message_says_what_is_wrong(optimizer: type[SGD], check: str, message: str) -> None:
    run = {each.__name__: each for each in OPTIMIZER_CHECKS}[f"check_{check}"]
    with pytest.raises(AssertionError) as caught:
        run(sgd(optimizer))
    assert str(caught.value).splitlines()[0] == message


def test_a_schedule_that_is_not_listened_to() -> None:
    run = {each.__name__: each for each in OPTIMIZER_CHECKS}["check_schedule"]
    with pytest.raises(AssertionError) as caught:
        run(sgd(RemembersTheRate))
    said = str(caught.value)
    assert said.startswith("sgd: a step with a hundredth of the learning rate changes ")
    assert said.endswith(". It should change about a hundredth.")


def test_a_division_by_zero() -> None:
    run = {each.__name__: each for each in OPTIMIZER_CHECKS}["check_zero_gradient"]
    with pytest.raises(AssertionError) as caught:
        run(adam(NoEps))
    assert str(caught.value) == (
        "adam: a gradient of 0 gives [nan, nan, nan]. It should be finite."
    )
