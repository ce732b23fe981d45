"""Neighbours in a chain that share work, against the textbook's chain."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import pytest
import torch
from torch import Tensor

from tests.engine.counting import Counter
from zoo.engine import lower
from zoo.engine.conv import gemm_nhwc, plans
from zoo.engine.network import Network
from zoo.errors import BackwardError, ShapeError
from zoo.nn import (
    Conv2d,
    ConvTranspose2d,
    Module,
    NearestUpsampling,
    ReLU,
    Sequential,
    Sigmoid,
    Upsampling,
)

pytestmark = pytest.mark.usefixtures("new_memory_is_no_number")

TOLERANCE = 1e-11
SHAPE = (2, 3, 9, 8)

CHAINS: dict[str, Callable[[], list[Module]]] = {
    "activation behind": lambda: [Conv2d(3, 5, 3), ReLU()],
    "activation before": lambda: [Sigmoid(), Conv2d(3, 5, 3)],
    "first and last": lambda: [ReLU(), Conv2d(3, 5, 3, padding=1), Sigmoid()],
    "stride 2": lambda: [Conv2d(3, 5, 3, 2, 1), ReLU(), Conv2d(5, 4, 3, 2, 1), ReLU()],
    "strides 2 and 3": lambda: [Conv2d(3, 5, 4, (2, 3), 2), Sigmoid(), Conv2d(5, 6, 2, (3, 2), 1)],
    "stride 1": lambda: [Conv2d(3, 6, 3), ReLU(), Conv2d(6, 3, 3, padding="same"), Sigmoid()],
    "transposed": lambda: [
        *(ConvTranspose2d(3, 5, 3, 2, 1, 1), ReLU(), ConvTranspose2d(5, 3, 3, (1, 2)), Sigmoid())
    ],
    "there and back": lambda: [
        *(Conv2d(3, 5, 3, 2, 1), ReLU(), ConvTranspose2d(5, 6, 3, 2, 1, 1), Sigmoid()),
        *(Upsampling(6, 3, 3, padding=1), ReLU()),
    ],
    "upsampling as two": lambda: [
        *(ReLU(), NearestUpsampling(2), Conv2d(3, 5, 3, padding=1), ReLU()),
        *(NearestUpsampling((3, 1)), Conv2d(5, 2, 5, padding="same"), Sigmoid()),
    ],
    "upsampling that stays two": lambda: [
        *(NearestUpsampling(2), NearestUpsampling(2), ReLU(), NearestUpsampling(2), Sigmoid()),
        *(NearestUpsampling(2), Conv2d(3, 4, 3, stride=2)),
    ],
    "several activations": lambda: [
        *(ReLU(), Sigmoid(), Conv2d(3, 5, 3), Sigmoid(), ReLU(), Sigmoid(), Conv2d(5, 5, 3, 2)),
        *(ReLU(), ReLU()),
    ],
    "no convolution": lambda: [Sigmoid(), ReLU(), NearestUpsampling(2), Sigmoid()],
    "groups": lambda: [Conv2d(3, 6, 3, groups=3), ReLU(), Conv2d(6, 4, 3, groups=2), Sigmoid()],
    "a chain inside": lambda: [Conv2d(3, 5, 3), Sequential(ReLU(), Conv2d(5, 4, 3)), Sigmoid()],
}


@pytest.fixture(autouse=True, params=["textbook", "fast"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which form of the convolutions computes these small images, the fast one as large ones."""
    monkeypatch.setattr(plans, "MIN_FAST_MACS", 0 if request.param == "fast" else 2**60)
    monkeypatch.setattr(gemm_nhwc, "MIN_STACKED_PIXELS", 0)


@pytest.fixture(params=CHAINS)
def chain(request: pytest.FixtureRequest) -> Sequential:
    """One of the chains, in float64."""
    return Sequential(*CHAINS[request.param]()).to(torch.float64)


def normal(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64)


def output(chain: Module, x: Tensor) -> Tensor:
    return normal(len(x), *chain.output_shape(x.shape[1:]))


def gradients(module: Module) -> list[Tensor]:
    return [parameter.gradient.clone() for parameter in module.param()]


def assert_close(found: object, expected: object) -> None:
    torch.testing.assert_close(found, expected, rtol=TOLERANCE, atol=TOLERANCE)


def test_a_chain_gives_the_results_of_its_modules(chain: Sequential) -> None:
    textbook, fast = deepcopy(chain), lower(chain)
    for number in range(3):  # what one batch leaves behind does not matter to the next
        x = normal(2 + number % 2, *SHAPE[1:])
        grad_y = output(chain, x)
        textbook.zero_grad()
        chain.zero_grad()
        assert_close(fast.forward(x), textbook.forward(x))
        assert_close(fast.backward(grad_y), textbook.backward(grad_y))
        assert_close(gradients(chain), gradients(textbook))


def test_weights_only_and_backward_again(chain: Sequential) -> None:
    """Without the input's gradient; after it nothing is kept that another one could use."""
    network, x = Network(chain), normal(*SHAPE)
    grad_y = output(chain, x)
    network.forward(x)
    network.backward(grad_y)
    once = gradients(chain)
    network.backward_weights_only(-3 * grad_y)
    assert_close(gradients(chain), [-2 * gradient for gradient in once])
    if chain.param():
        with pytest.raises(BackwardError):
            network.backward(grad_y)


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
def test_nothing_that_was_given_or_given_out_is_overwritten(
    chain: Sequential, training: bool
) -> None:
    chain.train(training)
    fast = lower(chain)
    x, more = normal(*SHAPE), normal(*SHAPE)
    grad_y, grad_more = output(chain, x), output(chain, x)
    kept = [x.clone(), grad_y.clone()]
    y = fast.forward(x)
    given_out = [y, fast.backward(grad_y)] if training else [y]
    copies = [tensor.clone() for tensor in given_out]
    fast.forward(more)
    if training:
        fast.backward(grad_more)
        fast.backward(grad_more)
    assert x.equal(kept[0])
    assert grad_y.equal(kept[1])
    assert all(map(torch.equal, given_out, copies))


class Doubled(Conv2d):
    """A convolution whose passes are its own."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)

    def backward(self, grad_y: Tensor) -> Tensor:
        return super().backward(2 * grad_y)


class Shifted(ReLU):
    """An activation with a forward pass of its own."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + 1


class Watched(Upsampling):
    """A layer with a passage back of its own: it notes each."""

    def __init__(self, *arguments: int) -> None:
        super().__init__(*arguments)
        self.passed: list[object] = []

    def backward(self, grad_y: Tensor) -> Tensor:
        self.passed.append(grad_y.shape)
        return super().backward(grad_y)


def test_a_subclass_with_passes_of_its_own_is_not_skipped() -> None:
    watched = Watched(5, 4, 3)
    modules = [ReLU(), Doubled(3, 5, 3), Shifted(), watched, ReLU(), Doubled(4, 2, 3), Shifted()]
    chain = Sequential(*modules).to(torch.float64)
    textbook, fast = deepcopy(chain), lower(chain)
    x = normal(*SHAPE)
    grad_y = output(chain, x)
    assert_close(fast.forward(x), textbook.forward(x))
    assert_close(fast.backward(grad_y), textbook.backward(grad_y))
    assert_close(gradients(chain), gradients(textbook))
    assert len(watched.passed) == 1


def test_a_convolution_of_its_own_kind_is_not_joined_to_an_upsampling() -> None:
    chain = Sequential(NearestUpsampling(2), Doubled(3, 5, 3)).to(torch.float64)
    x = normal(*SHAPE)
    assert_close(lower(chain).forward(x), chain.forward(x))


def test_an_upsampling_and_its_convolution_are_one() -> None:
    conv = Conv2d(3, 5, 3, padding=1)
    chain = Sequential(ReLU(), NearestUpsampling(2), conv)
    joined = Sequential(ReLU(), Upsampling(3, 5, 3, padding=1))
    for name, parameter in conv.parameters.items():
        joined[1].children["1"].parameters[name].set_value(parameter.value)
    x = torch.randn(SHAPE)
    assert lower(chain).forward(x).equal(lower(joined).forward(x))


def test_the_message_names_the_position_in_the_file() -> None:
    chain = Sequential(ReLU(), NearestUpsampling(2), Conv2d(3, 5, 3), ReLU(), Conv2d(4, 5, 3))
    with pytest.raises(ShapeError) as caught:
        lower(chain).forward(torch.ones(SHAPE))
    assert str(caught.value) == "module 4: Conv2d: expects 4 channels; the input has 5."


def test_the_first_module_computes_no_gradient_of_its_input(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plans, "MIN_FAST_MACS", 0)
    for modules in ([Conv2d(3, 5, 3)], [Conv2d(3, 5, 3), ReLU(), Conv2d(5, 4, 3), ReLU()]):
        chain = Sequential(*modules)
        network, x = Network(chain), torch.randn(SHAPE)
        grad_y = torch.randn(network.forward(x).shape)
        with Counter() as everything:
            network.backward(grad_y)
        with Counter() as weights_only:
            network.backward_weights_only(grad_y)
        # The input's gradient takes as many products' operations as the weight's, but for zeros.
        first = 2 * 2 * 7 * 6 * modules[0].weight.numel()
        assert everything.flop - weights_only.flop >= first
