"""Neighbours in a chain that share work, against the same modules called one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from tests.nn.counting import Counter
from torch import Tensor
from zoo.nn.fast import layout, operators

from zoo.errors import ShapeError
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
    monkeypatch.setattr(operators, "LITTLE_WORK", 0 if request.param == "fast" else 2**60)
    monkeypatch.setattr(layout, "FROM_PIXELS", 0)


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


def one_by_one(modules: Sequence[Module], x: Tensor, grad_y: Tensor) -> tuple[Tensor, Tensor]:
    """The output and the input's gradient, each module called by itself."""
    for module in modules:
        x = module.forward(x)
    for module in reversed(modules):
        grad_y = module.backward(grad_y)
    return x, grad_y


def assert_close(found: object, expected: object) -> None:
    torch.testing.assert_close(found, expected, rtol=TOLERANCE, atol=TOLERANCE)


def test_a_chain_gives_the_results_of_its_modules(chain: Sequential) -> None:
    for number in range(3):  # what one batch leaves behind does not matter to the next
        x = normal(2 + number % 2, *SHAPE[1:])
        grad_y = output(chain, x)
        chain.zero_grad()
        y, grad_x = one_by_one(list(chain), x, grad_y)
        expected = gradients(chain)
        chain.zero_grad()
        assert_close(chain.forward(x), y)
        assert_close(chain.backward(grad_y), grad_x)
        assert_close(gradients(chain), expected)


def test_backward_twice_adds(chain: Sequential) -> None:
    x = normal(*SHAPE)
    grad_y = output(chain, x)
    chain.forward(x)
    grad_x, once = chain.backward(grad_y), gradients(chain)
    assert_close(chain.backward(-3 * grad_y), -3 * grad_x)
    assert_close(gradients(chain), [-2 * gradient for gradient in once])
    chain.backward_parameters(3 * grad_y)  # the same without the input's gradient
    assert_close(gradients(chain), once)


def test_evaluation_gives_the_output_of_training(chain: Sequential) -> None:
    x = normal(*SHAPE)
    y = chain.forward(x)
    assert_close(chain.eval().forward(x), y)


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
def test_nothing_that_was_given_or_given_out_is_overwritten(
    chain: Sequential, training: bool
) -> None:
    chain.train(training)
    x, more = normal(*SHAPE), normal(*SHAPE)
    grad_y, grad_more = output(chain, x), output(chain, x)
    kept = [x.clone(), grad_y.clone()]
    y = chain.forward(x)
    given_out = [y, chain.backward(grad_y)] if training else [y]
    copies = [tensor.clone() for tensor in given_out]
    chain.forward(more)
    if training:
        chain.backward(grad_more)
        chain.backward(grad_more)
    assert x.equal(kept[0])
    assert grad_y.equal(kept[1])
    assert all(map(torch.equal, given_out, copies))


def test_a_loss_may_not_change_what_backward_goes_back_through(chain: Sequential) -> None:
    """The chain's output, read by others between forward and backward, is still its own."""
    x = normal(*SHAPE)
    grad_y = output(chain, x)
    y = chain.forward(x)
    before = y.clone()
    grad_x = chain.backward(grad_y)
    assert y.equal(before)
    assert_close(grad_x, one_by_one(list(chain), x, grad_y)[1])


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
    """A layer with a passage back of its own: it counts."""

    passed = 0

    def backward(self, grad_y: Tensor) -> Tensor:
        self.passed += 1
        return super().backward(grad_y)


def test_a_subclass_with_passes_of_its_own_is_not_skipped() -> None:
    watched = Watched(5, 4, 3)
    modules = [ReLU(), Doubled(3, 5, 3), Shifted(), watched, ReLU(), Doubled(4, 2, 3), Shifted()]
    chain = Sequential(*modules).to(torch.float64)
    x = normal(*SHAPE)
    grad_y = output(chain, x)
    y, grad_x = one_by_one(modules, x, grad_y)
    expected = gradients(chain)
    chain.zero_grad()
    watched.passed = 0
    assert_close(chain.forward(x), y)
    assert_close(chain.backward(grad_y), grad_x)
    assert_close(gradients(chain), expected)
    assert watched.passed == 1


def test_a_convolution_of_its_own_kind_is_not_joined_to_an_upsampling() -> None:
    chain = Sequential(NearestUpsampling(2), Doubled(3, 5, 3)).to(torch.float64)
    x = normal(*SHAPE)
    y, _ = one_by_one(list(chain), x, output(chain, x))
    assert_close(chain.forward(x), y)


def test_an_upsampling_and_its_convolution_keep_their_names_and_their_parameters() -> None:
    convolution = Conv2d(3, 5, 3, padding=1)
    chain = Sequential(ReLU(), NearestUpsampling(2), convolution)
    names = list(chain.state_dict())
    assert names == ["2.weight", "2.bias"]
    weight = convolution.parameters["weight"]
    chain.forward(torch.randn(SHAPE))
    chain.backward(torch.randn(2, 5, 18, 16))
    assert list(chain.state_dict()) == names
    assert chain[2] is convolution
    assert convolution.parameters["weight"] is weight
    assert weight.gradient.abs().sum() > 0
    joined = Upsampling(3, 5, 3, padding=1)
    joined.set_weight(weight.value)
    assert convolution.bias is not None
    joined.set_bias(convolution.bias)
    x = torch.randn(SHAPE)
    assert Sequential(*list(chain)[1:]).forward(x).equal(joined.forward(x))


def test_images_without_a_batch_axis() -> None:
    chain = Sequential(ReLU(), Conv2d(3, 5, 3, 2), Sigmoid(), Conv2d(5, 4, 3), ReLU())
    chain.to(torch.float64)
    x = normal(*SHAPE)
    grad_y = output(chain, x)
    y, grad_x = chain.forward(x), chain.backward(grad_y)
    assert_close(chain.forward(x[1]), y[1])
    assert_close(chain.backward(grad_y[1]), grad_x[1])


def test_the_message_names_the_position_in_the_file() -> None:
    chain = Sequential(ReLU(), NearestUpsampling(2), Conv2d(3, 5, 3), ReLU(), Conv2d(4, 5, 3))
    with pytest.raises(ShapeError) as caught:
        chain.forward(torch.ones(SHAPE))
    assert str(caught.value) == "module 4: Conv2d: expects 4 channels; the input has 5."


def test_the_first_module_computes_no_gradient_of_its_input(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(operators, "LITTLE_WORK", 0)
    for modules in ([Conv2d(3, 5, 3)], [Conv2d(3, 5, 3), ReLU(), Conv2d(5, 4, 3), ReLU()]):
        chain = Sequential(*modules)
        x = torch.randn(SHAPE)
        grad_y = torch.randn(chain.forward(x).shape)
        with Counter() as everything:
            chain.backward(grad_y)
        expected = gradients(chain)
        chain.zero_grad()
        with Counter() as parameters:
            chain.backward_parameters(grad_y)
        assert all(map(torch.equal, gradients(chain), expected))
        # The input's gradient takes as many products' operations as the weight's, but for zeros.
        first = 2 * 2 * 7 * 6 * modules[0].weight.numel()
        assert everything.flop - parameters.flop >= first
