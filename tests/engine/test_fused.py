"""What a convolution computes together with its neighbours, in float32, against the textbook."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy

import pytest
import torch
from torch import Tensor

from zoo.engine import LoweredModule, lower
from zoo.engine.compiled import build
from zoo.engine.compiled.build import Kernel
from zoo.engine.compiled.call import Parts, watched_by
from zoo.engine.network import Network
from zoo.errors import ShapeError
from zoo.nn import Conv2d, ConvTranspose2d, Module, ReLU, Sequential, Sigmoid, Upsampling

WITH_KERNELS = pytest.mark.skipif(bool(build.problem()), reason=build.problem() or "-")
TOLERANCE = 1e-5  # of the largest value
SHAPE = (3, 16, 19, 18)

CHAINS: dict[str, Callable[[], list[Module]]] = {
    "one": lambda: [Conv2d(16, 20, 3, padding=1)],
    "without bias": lambda: [Conv2d(16, 20, 3, padding=1, bias=False), ReLU()],
    "activation behind": lambda: [Conv2d(16, 20, 3, padding=1), ReLU()],
    "activation before": lambda: [ReLU(), Conv2d(16, 20, 3, padding=1)],
    "both": lambda: [Sigmoid(), Conv2d(16, 20, 3), ReLU()],
    "several": lambda: [
        *(Conv2d(16, 33, 3, padding=1), ReLU(), Conv2d(33, 17, 3, padding=2), ReLU(), ReLU()),
        *(Conv2d(17, 16, 3), Sigmoid(), Conv2d(16, 16, 3), ReLU()),
    ],
    "between others": lambda: [
        *(Conv2d(16, 20, 5, 2, 2), ReLU(), Conv2d(20, 24, 3, padding=1), ReLU()),
        *(Upsampling(24, 18, 3, padding=1), ReLU(), Conv2d(18, 16, 3), ReLU()),
        *(ConvTranspose2d(16, 3, 3), Sigmoid()),
    ],
    "transposed": lambda: [
        ConvTranspose2d(16, 20, 3),
        ReLU(),
        ConvTranspose2d(20, 16, 3, padding=1),
    ],
    "in one another": lambda: [Sequential(Conv2d(16, 20, 3), ReLU()), Conv2d(20, 16, 3), ReLU()],
}


class ScaleAndShift(Module):
    """By the channel; in training mode it adds 1 to the scale."""

    batch_independent = True

    def __init__(self, channels: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(channels)
        self.buffers["scale"] = torch.randn(channels, generator=generator)
        self.buffers["shift"] = torch.randn(channels, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        scale = self.buffers["scale"] + self.training
        return x * scale.view(-1, 1, 1) + self.buffers["shift"].view(-1, 1, 1)

    def backward(self, grad_y: Tensor) -> Tensor:
        scale = self.buffers["scale"] + self.training
        return grad_y * scale.view(-1, 1, 1)

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        return tuple(input_shape)


class KnownToTheEngine(ScaleAndShift, LoweredModule):
    """The same, with what the engine may know."""

    output_reusable = True
    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return super().forward(x)

    def channel_affine(self) -> tuple[Tensor, Tensor] | None:
        return None if self.training else (self.buffers["scale"], self.buffers["shift"])


def assert_close(found: Tensor, expected: Tensor) -> None:
    largest = max(1.0, float(expected.abs().max()))
    assert float((found - expected).abs().max()) <= TOLERANCE * largest


def kernels_called(work: Callable[[], object]) -> int:
    class Counting:
        count = 0

        def kernel_called(self, kernel: Kernel, parts: Parts, writes: Sequence[Tensor]) -> None:
            self.count += 1

    counting = Counting()
    with watched_by(counting):
        work()
    return counting.count


@WITH_KERNELS
@pytest.mark.parametrize("name", CHAINS)
def test_forward_and_backward(name: str) -> None:
    torch.manual_seed(0)
    model = Sequential(*CHAINS[name]()).train()
    exact = deepcopy(model).to(torch.float64)
    x = torch.randn(SHAPE)
    y = exact.forward(x.double())
    grad_y = torch.randn(y.shape)
    exact.zero_grad()
    grad_x = exact.backward(grad_y.double())
    network = Network(model)
    for memory_format in (torch.contiguous_format, torch.channels_last):
        model.zero_grad()
        assert_close(network.forward(x.contiguous(memory_format=memory_format)), y)
        assert_close(network.backward(grad_y.contiguous(memory_format=memory_format)), grad_x)
        for parameter, expected in zip(model.param(), exact.param(), strict=True):
            assert_close(parameter.gradient, expected.gradient)
        first = [parameter.gradient.clone() for parameter in model.param()]
        model.zero_grad()
        network.forward(x)
        network.backward_weights_only(grad_y)
        for parameter, gradient in zip(model.param(), first, strict=True):
            assert_close(parameter.gradient, gradient)
        for parameter, gradient in zip(model.param(), first, strict=True):
            parameter.gradient.copy_(gradient)
        network.forward(x)  # gradients are added
        network.backward_weights_only(grad_y)
        for parameter, gradient in zip(model.param(), first, strict=True):
            assert_close(parameter.gradient, 2 * gradient)


@WITH_KERNELS
def test_it_is_the_kernels_that_are_tested() -> None:
    model = Sequential(*CHAINS["several"]()).train()
    network = Network(model)
    x = torch.randn(SHAPE)
    assert kernels_called(lambda: network.forward(x)) == 4
    grad_y = torch.randn(network.forward(x).shape)
    assert kernels_called(lambda: network.backward(grad_y)) == 8


SCALED: dict[str, Callable[[type[ScaleAndShift]], list[Module]]] = {
    "compiled": lambda kind: [Conv2d(16, 20, 3, padding=1), kind(20), ReLU()],
    "without bias": lambda kind: [Conv2d(16, 20, 3, padding=1, bias=False), kind(20), ReLU()],
    "products": lambda kind: [Conv2d(16, 20, 5), kind(20), Sigmoid(), Conv2d(20, 3, 1), kind(3)],
    "transposed": lambda kind: [ConvTranspose2d(16, 7, 4, 2), kind(7)],
    "upsampled": lambda kind: [Upsampling(16, 6, 3, padding=1), kind(6), ReLU()],
    "groups": lambda kind: [Conv2d(16, 8, 3, groups=4), kind(8), ReLU()],
    "first": lambda kind: [kind(16), Conv2d(16, 8, 3), ReLU(), kind(8)],
}


@pytest.mark.parametrize("name", SCALED)
@pytest.mark.parametrize("training", [False, True])
def test_a_scale_and_a_shift_behind_a_convolution(name: str, training: bool) -> None:
    torch.manual_seed(0)
    textbook = Sequential(*SCALED[name](ScaleAndShift)).train(training)
    torch.manual_seed(0)
    model = Sequential(*SCALED[name](KnownToTheEngine)).train(training)
    x = torch.randn(SHAPE)
    expected = textbook.to(torch.float64).forward(x.double())
    network = Network(model)
    network.forward(x)
    for _ in range(2):
        assert_close(network.forward(x), expected)
    known = [module for module in network.modules() if isinstance(module, KnownToTheEngine)]
    folded = [module for module in known if not module.calls]
    outside = 2 if name == "first" else 0
    assert len(folded) == (0 if training else len(known) - outside)


def test_a_scale_of_too_few_channels_is_left_to_its_layer() -> None:
    model = Sequential(Conv2d(16, 20, 3), KnownToTheEngine(1)).eval()
    exact = deepcopy(model).to(torch.float64)
    x = torch.randn(SHAPE)
    assert_close(lower(model)(x), exact.forward(x.double()))


@pytest.mark.parametrize("training", [False, True])
def test_a_message_names_the_convolution_and_not_what_is_done_with_it(training: bool) -> None:
    layers = [ReLU(), Conv2d(16, 20, 3), KnownToTheEngine(20), ReLU()]
    network = Network(Sequential(*layers).train(training))
    with pytest.raises(ShapeError, match="module 1: Conv2d") as found:
        Sequential(*layers).forward(torch.zeros(2, 15, 9, 9))
    with pytest.raises(ShapeError) as lowered:
        network.forward(torch.zeros(2, 15, 9, 9))
    assert str(lowered.value) == str(found.value)
