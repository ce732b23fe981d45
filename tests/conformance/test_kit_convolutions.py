"""Mistakes in a convolution, layers that do not repeat themselves, and the checks that find them.

A forward pass that is wrong in itself, with a backward pass that fits it, is found only beside the
layer of ``torch.nn`` that a case names.
"""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from tests.conformance.test_kit import OF_AUTOGRAD, Scale, found_by, scale
from zoo.nn import Conv2d
from zoo.spec.shape_rules import conv2d
from zoo.testing import LAYER_CHECKS, LayerCase, torch_references


class Convolution(Conv2d):
    """Right."""


class ZerosOnTheWrongSide(Conv2d):
    """Two columns of zeros on the left and none on the right."""

    def __init__(self, *arguments: int, padding: int, generator: torch.Generator) -> None:
        super().__init__(*arguments, padding=padding, generator=generator)
        self.padding = (1, 1, 2, 0)


class RowsForColumns(Conv2d):
    """The kernel turned by a quarter, as by axes in the wrong order."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.transpose(-1, -2)).transpose(-1, -2)

    def backward(self, grad_y: Tensor) -> Tensor:
        return super().backward(grad_y.transpose(-1, -2)).transpose(-1, -2)


class FlippedKernel(Conv2d):
    """A convolution in the mathematician's sense."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flip(-1, -2)).flip(-1, -2)

    def backward(self, grad_y: Tensor) -> Tensor:
        return super().backward(grad_y.flip(-1, -2)).flip(-1, -2)


class BiasTwice(Conv2d):
    def forward(self, x: Tensor) -> Tensor:
        assert self.bias is not None
        return super().forward(x) + self.bias.view(-1, 1, 1)

    def backward(self, grad_y: Tensor) -> Tensor:
        grad_x = super().backward(grad_y)
        self.add_gradients(
            bias=grad_y.sum([axis for axis in (0, -2, -1) if grad_y.dim() == 4 or axis])
        )
        return grad_x


class MeanOfThePixels(Conv2d):
    """The gradient of the bias is the mean over the pixels instead of the sum."""

    def backward(self, grad_y: Tensor) -> Tensor:
        before = self.parameters["bias"].gradient.clone()
        grad_x = super().backward(grad_y)
        gradient = self.parameters["bias"].gradient
        gradient.copy_(before + (gradient - before) / grad_y[..., 0, :, :].numel())
        return grad_x


class OldWeight(Conv2d):
    """The weight of the first forward pass is kept and used for ever."""

    def forward(self, x: Tensor) -> Tensor:
        if not hasattr(self, "kept"):
            self.kept = self.weight.clone()
        new = self.weight.clone()
        self.weight.copy_(self.kept)
        y = super().forward(x)
        self.weight.copy_(new)
        return y


CONVOLUTIONS: list[tuple[type[Conv2d], set[str]]] = [
    (Convolution, set()),
    (ZerosOnTheWrongSide, {"reference", "shape_rule"}),
    (RowsForColumns, {"reference", "wrong_gradient_shape"}),
    (FlippedKernel, {"reference", "wrong_gradient_shape"}),
    (BiasTwice, {"reference"}),
    (
        MeanOfThePixels,
        {"backward", "batch_of_one", "empty_batch", "reference"} | OF_AUTOGRAD,
    ),
    (OldWeight, {"backward"}),
]


@pytest.mark.parametrize(
    ("layer", "expected"), CONVOLUTIONS, ids=lambda value: getattr(value, "__name__", "")
)
def test_every_mistake_in_a_convolution_is_found(layer: type[Conv2d], expected: set[str]) -> None:
    case = LayerCase(
        partial(layer, 2, 3, 3, padding=1),
        (2, 2, 4, 4),
        "conv",
        lambda where, parameters, shape: conv2d(where, PARAMETERS, shape),
        torch_reference=torch_references.conv2d,
    )
    assert found_by(LAYER_CHECKS, case) == expected


PARAMETERS = {
    **{"in_channels": 2, "out_channels": 3, "kernel_size": 3, "stride": 1, "padding": 1},
    **{"dilation": 1, "groups": 1, "bias": True},
}


class DrawsFromTheGlobalGenerator(Scale):
    """Which moves on in each forward pass, to no effect."""

    def forward(self, x: Tensor) -> Tensor:
        torch.rand(1)
        return super().forward(x)


class NoiseInEvaluation(Scale):
    """Dropout, say, that is left on."""

    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            self.calls += 1
        return super().forward(x) + 1e-12 * self.calls


class CountsOverAllLayers(Scale):
    """State of the class instead of the layer."""

    calls: list[int] = []  # noqa: RUF012 - the mistake

    def forward(self, x: Tensor) -> Tensor:
        self.calls.append(1)
        return super().forward(x) * (1 + 1e-13 * (len(self.calls) % 7))


REPEATED: list[tuple[type[Scale], set[str]]] = [
    (DrawsFromTheGlobalGenerator, {"deterministic", "seed"}),
    (NoiseInEvaluation, {"deterministic"}),
    (CountsOverAllLayers, {"deterministic"}),
]


@pytest.mark.parametrize(
    ("layer", "expected"), REPEATED, ids=lambda value: getattr(value, "__name__", "")
)
def test_a_layer_that_does_not_repeat_itself_is_found(
    layer: type[Scale], expected: set[str]
) -> None:
    found = found_by(LAYER_CHECKS, LayerCase(partial(layer, 3), (2, 3), "scale", scale))
    assert expected <= found


@pytest.mark.parametrize(
    ("layer", "check", "message"),
    [
        (
            DrawsFromTheGlobalGenerator,
            "deterministic",
            "scale: forward or backward draws from torch's global generator. If forward should, in "
            "training mode, declare zoo.testing.Case(random=True).",
        ),
        (
            NoiseInEvaluation,
            "deterministic",
            "scale: forward again in evaluation mode: Tensor-likes are not equal!",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_message_says_what_is_wrong(layer: type[Scale], check: str, message: str) -> None:
    run = {each.__name__: each for each in LAYER_CHECKS}[f"check_{check}"]
    with pytest.raises(AssertionError) as caught:
        run(LayerCase(partial(layer, 3), (2, 3), "scale", scale))
    assert str(caught.value).splitlines()[0] == message


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_a_layer_that_stays_on_the_cpu_is_found() -> None:
    class StaysBehind(Scale):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x).cpu()

    run = {each.__name__: each for each in LAYER_CHECKS}["check_devices"]
    run(LayerCase(partial(Scale, 3), (2, 3), "scale", scale))
    with pytest.raises(AssertionError) as caught:
        run(LayerCase(partial(StaysBehind, 3), (2, 3), "scale", scale))
    assert str(caught.value) == "scale: the output of an input on cuda is on cpu."
