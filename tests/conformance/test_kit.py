"""The conformance kit itself: a right layer passes, and each mistake is found by its check."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from math import prod
from typing import Any

import pytest
import torch
from torch import Tensor

from zoo import LayerInfo
from zoo.errors import ShapeError
from zoo.nn import MSE, Linear, Module, Parameter, Sequential
from zoo.optim import SGD
from zoo.testing import (
    LAYER_CHECKS,
    LayerCase,
    NotApplicable,
    check_against_torch,
    check_gradients,
    check_loss_gradient,
    check_training_against_torch,
)
from zoo.testing.running import check_name


class Scale(Module):
    """y = weight x + bias along the last axis; right."""

    def __init__(self, features: int, generator: torch.Generator) -> None:
        super().__init__()
        for name in ("weight", "bias"):
            self.parameters[name] = Parameter(torch.randn(features, generator=generator))

    def forward(self, x: Tensor) -> Tensor:
        self.save(x)
        return x * self.weight + self.parameters["bias"].value

    def backward(self, grad_y: Tensor) -> Tensor:
        (x,) = self.saved()
        self.require_gradient_shape(grad_y, x.shape)
        rows = x.reshape(-1, x.shape[-1]), grad_y.reshape(-1, x.shape[-1])
        self.add_gradients(weight=(rows[0] * rows[1]).sum(0), bias=rows[1].sum(0))
        return grad_y * self.weight

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        if input_shape[-1:] != (len(self.weight),):
            raise ShapeError(f"Scale: the input is {input_shape}. Use (..., {len(self.weight)}).")
        return tuple(input_shape)


def scale(where: str, parameters: Mapping[str, Any], input_shape: tuple[int, ...]) -> LayerInfo:
    """The shape rule of Scale; right."""
    features = parameters["features"]
    if input_shape[-1:] != (features,):
        raise ShapeError(f"{where}: the input is {input_shape}. Use (..., {features}).")
    return LayerInfo(input_shape, parameters=2 * features, multiply_adds=prod(input_shape))


class WrongOutputShape(Scale):
    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        return (*input_shape[:-1], 1)


class WrongInputGradient(Scale):
    def backward(self, grad_y: Tensor) -> Tensor:
        return 2 * super().backward(grad_y)


class ForgottenBias(Scale):
    def add_gradients(self, **gradients: Tensor) -> None:
        super().add_gradients(weight=gradients["weight"])


class OverwritesGradients(Scale):
    def add_gradients(self, **gradients: Tensor) -> None:
        for name, gradient in gradients.items():
            self.parameters[name].gradient.copy_(gradient)


class ReplacesGradients(Scale):
    def add_gradients(self, **gradients: Tensor) -> None:
        for name, gradient in gradients.items():
            self.parameters[name].gradient = self.parameters[name].gradient + gradient


class MeanOfTheBatch(Scale):
    def add_gradients(self, **gradients: Tensor) -> None:
        n = len(self.saved()[0])
        super().add_gradients(**{name: gradient / n for name, gradient in gradients.items()})


class ClipsTheGradient(Scale):
    def backward(self, grad_y: Tensor) -> Tensor:
        return super().backward(grad_y.clamp(-1, 1))


class ChangesTheInput(Scale):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.mul_(0.5).mul_(2.00001))


class ChangesTheUpstreamGradient(Scale):
    def backward(self, grad_y: Tensor) -> Tensor:
        grad_x = super().backward(grad_y)
        return grad_y.copy_(grad_x)


class ReadsMemoryInOrder(Scale):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.as_strided(x.shape, x.contiguous().stride()))


class UsesTheBatch(Scale):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + (0.01 * (len(x) - 2) if x.dim() == 2 else 0)


class CannotTakeNone(Scale):
    def add_gradients(self, **gradients: Tensor) -> None:
        n = len(self.saved()[0])
        super().add_gradients(**{name: n * (value / n) for name, value in gradients.items()})


class AlwaysFloat32(Scale):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).float()


class KeepsTheFirst(Scale):
    def save(self, *values: object) -> None:
        if self._saved is None:
            super().save(*values)


class StartsWithAPass(Scale):
    def to(self, *target: torch.device | torch.dtype | str) -> StartsWithAPass:
        super().to(*target)
        self._saved = (torch.zeros(2, 3, dtype=torch.float64),)
        return self


class AlwaysSaves(Scale):
    def save(self, *values: object) -> None:
        self._saved = values


class AcceptsAnyGradient(Scale):
    def require_gradient_shape(self, grad_y: Tensor, shape: Sequence[int]) -> None:
        pass


class NeedsABatch(Scale):
    def forward(self, x: Tensor) -> Tensor:
        if x.dim() == 1:
            raise ShapeError("NeedsABatch: no batch axis. Use (N, features).")
        return super().forward(x)


class SharesItsState(Scale):
    def load_state_dict(self, state: object) -> None:
        assert isinstance(state, dict)
        for name, value in state.items():
            self.parameters[name].value = value


class UsesTheGlobalGenerator(Scale):
    def __init__(self, features: int, generator: torch.Generator) -> None:
        super().__init__(features, generator)
        torch.rand(1)


class IgnoresTheGenerator(Scale):
    def __init__(self, features: int, generator: torch.Generator) -> None:
        super().__init__(features, torch.Generator().manual_seed(0))


class NotWhereZero(Scale):
    """0 / 0 where x is 0."""

    def backward(self, grad_y: Tensor) -> Tensor:
        (x,) = self.saved()
        return super().backward(grad_y) * (x / x)


class SaturatesTooSoon(Scale):
    """No gradient where |x| > 5."""

    def backward(self, grad_y: Tensor) -> Tensor:
        (x,) = self.saved()
        return super().backward(grad_y) * (x.abs() <= 5)


class OverflowsInFloat32(Scale):
    """exp(x) / exp(x), which is inf / inf for large x."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * (x.exp() / x.exp())


class TwiceInLargeBatches(Scale):
    def backward(self, grad_y: Tensor) -> Tensor:
        return super().backward(grad_y) * (2 if len(grad_y) >= 5 else 1)


class TwiceInWideImages(Scale):
    def backward(self, grad_y: Tensor) -> Tensor:
        wide = grad_y.dim() == 4 and grad_y.shape[-2] >= 30
        return super().backward(grad_y) * (2 if wide else 1)


class DropsSmallGradients(Scale):
    def backward(self, grad_y: Tensor) -> Tensor:
        return super().backward(grad_y.where(grad_y.abs() >= 1e-6, 0.0))


# What compares several passes over the same tensors.
EVERYWHERE = {
    "backward",
    "backward_linear",
    "batch_of_one",
    "deterministic",
    "latest_forward",
    "lowered",
    "nothing_else_changes",
    "strides",
    "unbatched",
}

OF_AUTOGRAD = {"large_values", "larger_input"}  # as ``backward``, of other inputs

# Each mistake with all the checks that find it.
MISTAKES: list[tuple[type[Scale], set[str]]] = [
    (Scale, set()),
    (WrongOutputShape, {"output_shape", "shape_rule"}),
    (WrongInputGradient, {"backward"} | OF_AUTOGRAD),
    (ForgottenBias, {"backward"} | OF_AUTOGRAD),
    (OverwritesGradients, {"gradients_accumulate"}),
    (ReplacesGradients, {"nothing_else_changes"}),
    (MeanOfTheBatch, {"backward", "batch_of_one", "empty_batch", "unbatched"} | OF_AUTOGRAD),
    (ClipsTheGradient, {"backward", "backward_linear"} | OF_AUTOGRAD),
    (ChangesTheInput, EVERYWHERE),
    (ChangesTheUpstreamGradient, EVERYWHERE | OF_AUTOGRAD | {"gradients_accumulate"}),
    (ReadsMemoryInOrder, {"strides"}),
    (UsesTheBatch, {"batch_of_one", "unbatched"}),
    (CannotTakeNone, {"empty_batch"}),
    (AlwaysFloat32, {"backward", "dtypes"} | OF_AUTOGRAD),
    (KeepsTheFirst, {"batch_of_one", "latest_forward", "unbatched"}),
    (StartsWithAPass, {"backward_needs_forward", "to"}),
    (AlwaysSaves, {"evaluation_saves_nothing"}),
    (AcceptsAnyGradient, {"wrong_gradient_shape"}),
    (NeedsABatch, {"unbatched"}),
    (SharesItsState, {"state_dict"}),
    (UsesTheGlobalGenerator, {"seed"}),
    (IgnoresTheGenerator, {"seed"}),
    (NotWhereZero, {"zeros"}),
    (SaturatesTooSoon, {"large_values"}),
    (OverflowsInFloat32, {"large_values"}),
    (TwiceInLargeBatches, {"larger_input"}),
    (DropsSmallGradients, {"backward_linear"}),
]


def case_of(layer: type[Scale]) -> LayerCase:
    return LayerCase(partial(layer, 3), (2, 3), "scale", scale)


def test_a_mistake_in_wide_images_is_found() -> None:
    case = LayerCase(partial(TwiceInWideImages, 3), (2, 1, 4, 3), "scale", scale)
    assert found_by(LAYER_CHECKS, case) == {"larger_input"}


def fails(check: Callable[[Any], None], case: object) -> bool:
    try:
        check(case)
    except NotApplicable:
        return False
    except Exception:  # a check also fails with what the layer raises
        return True
    return False


def found_by(checks: Iterable[Callable[[Any], None]], case: object) -> set[str]:
    """The names of the checks that a case fails, but for that of devices, which needs one."""
    names = {check_name(check) for check in checks if fails(check, case)}
    return names - {"devices"}


@pytest.mark.parametrize(
    ("layer", "expected"), MISTAKES, ids=lambda value: getattr(value, "__name__", "")
)
def test_every_mistake_is_found(layer: type[Scale], expected: set[str]) -> None:
    case = case_of(layer)
    assert found_by(LAYER_CHECKS, case) == expected


@pytest.mark.parametrize(
    ("layer", "check", "message"),
    [
        (
            WrongOutputShape,
            "check_output_shape",
            "scale: forward gives (2, 3), output_shape promised (2, 1).",
        ),
        (
            ReplacesGradients,
            "check_nothing_else_changes",
            "scale: weight has other tensors. Change them in place.",
        ),
        (
            AlwaysFloat32,
            "check_dtypes",
            "scale: the output of a torch.float64 input is torch.float32. "
            "It should be torch.float64.",
        ),
        (
            AlwaysSaves,
            "check_evaluation_saves_nothing",
            "scale: AlwaysSaves keeps tensors after forward in evaluation mode.",
        ),
        (
            StartsWithAPass,
            "check_backward_needs_forward",
            "scale: backward before forward: nothing was raised. Raise BackwardError.",
        ),
        (
            UsesTheGlobalGenerator,
            "check_seed",
            "scale: torch's global generator is used. Use the one that is given.",
        ),
        (IgnoresTheGenerator, "check_seed", "scale: weight does not depend on the seed."),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_message_says_what_is_wrong(layer: type[Scale], check: str, message: str) -> None:
    run = {check.__name__: check for check in LAYER_CHECKS}[check]
    with pytest.raises(AssertionError) as caught:
        run(case_of(layer))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("layer", "start"),
    [
        (
            WrongInputGradient,
            "WrongInputGradient, backward against autograd, the input: Tensor-likes are not close!",
        ),
        (
            ForgottenBias,
            "ForgottenBias, backward against autograd, bias: Tensor-likes are not close!",
        ),
    ],
)
def test_check_gradients_names_the_gradient(layer: type[Scale], start: str) -> None:
    with pytest.raises(AssertionError) as caught:
        check_gradients(case_of(layer).module(), torch.ones(2, 3))
    assert str(caught.value).splitlines()[0] == start


class DetachedForward(Scale):
    """Autograd and backward agree that the weight does not matter; differences know better."""

    def forward(self, x: Tensor) -> Tensor:
        self.save(x)
        return x * self.weight.detach() + self.parameters["bias"].value

    def add_gradients(self, **gradients: Tensor) -> None:
        super().add_gradients(bias=gradients["bias"])


def test_central_differences_do_not_trust_autograd() -> None:
    with pytest.raises(AssertionError) as caught:
        check_gradients(case_of(DetachedForward).module(), torch.ones(2, 3))
    assert str(caught.value).splitlines()[0] == (
        "DetachedForward, backward against central differences, weight: Tensor-likes are not close!"
    )


def test_a_layer_may_refuse_what_has_no_batch_axis() -> None:
    case = LayerCase(partial(NeedsABatch, 3), (2, 3), "scale", scale, unbatched=False)
    assert found_by(LAYER_CHECKS, case) == set()
    case = LayerCase(partial(Scale, 3), (2, 3), "scale", scale, unbatched=False)
    assert found_by(LAYER_CHECKS, case) == {"unbatched"}


class HalfOfTheGradient(MSE):
    def backward(self) -> Tensor:
        return super().backward() / 2


def test_check_loss_gradient_finds_a_wrong_factor() -> None:
    with pytest.raises(AssertionError) as caught:
        check_loss_gradient(HalfOfTheGradient(), torch.ones(2, 3), torch.zeros(2, 3))
    assert str(caught.value).splitlines()[0] == (
        "HalfOfTheGradient, backward against autograd: Tensor-likes are not close!"
    )


def test_check_against_torch_names_what_differs() -> None:
    class Affine(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(3))
            self.bias = torch.nn.Parameter(torch.zeros(3))

        def forward(self, x: Tensor) -> Tensor:
            return x * self.weight + self.bias

    x = torch.ones(2, 3, dtype=torch.float64)
    check_against_torch(case_of(Scale).module(), Affine().double(), x)
    with pytest.raises(AssertionError) as caught:
        check_against_torch(case_of(ForgottenBias).module(), Affine().double(), x)
    assert str(caught.value).splitlines()[0] == (
        "ForgottenBias against torch.nn, bias: Tensor-likes are not close!"
    )


def test_check_training_against_torch_names_the_step() -> None:
    model = Sequential(Linear(3, 2, generator=torch.Generator().manual_seed(0)))
    with pytest.raises(AssertionError) as caught:
        check_training_against_torch(
            model,
            partial(SGD, lr=0.1, momentum=0.9),
            partial(torch.optim.SGD, lr=0.1),  # the first step is the same
            torch.ones(4, 3),
            torch.zeros(4, 2),
            tolerance=1e-5,
        )
    assert str(caught.value).splitlines()[0] == "step 1, 0.weight: Tensor-likes are not close!"
