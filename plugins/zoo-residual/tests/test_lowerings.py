"""A residual connection as the engine computes it, in networks, against the layer itself."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import pytest
import torch

from zoo.engine import LoweredModule, lower
from zoo.engine.compiled import build
from zoo.engine.network import Network
from zoo.errors import ShapeError
from zoo.nn import Conv2d, ConvTranspose2d, Module, ReLU, Sequential
from zoo.spec.shape_rules import elementwise
from zoo.testing import LayerCase
from zoo.testing.other_forms import check_lowered

pytest.importorskip("zoo_residual", reason="zoo-residual is not installed")

from zoo_residual.batch_norm2d import BatchNorm2d
from zoo_residual.prelu import PReLU
from zoo_residual.residual import Residual

SIZES = ((5, 7), (48, 49))  # little work, which is done as the textbook does, and more


def check(build: Callable[[torch.Generator], Module], size: tuple[int, int]) -> None:
    """Outputs, all gradients, and those of the weights alone, in float64."""

    def named(generator: torch.Generator) -> Module:
        return build(generator)

    check_lowered(LayerCase(named, (3, 2, *size), "network", elementwise))


def body(generator: torch.Generator) -> Sequential:
    return Sequential(
        *(Conv2d(2, 4, 3, padding=1, generator=generator), BatchNorm2d(4), ReLU()),
        Conv2d(4, 2, 3, padding=1, generator=generator),
    )


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(("scale", "sign"), [(1.0, "plus"), (0.3, "plus"), (1.0, "minus")])
def test_residual(scale: float, sign: str, size: tuple[int, int]) -> None:
    def residual(module: Module) -> Residual:
        return Residual(module, scale, sign)

    check(lambda generator: residual(body(generator)), size)
    check(lambda generator: residual(Sequential()), size)
    check(lambda generator: residual(Sequential(PReLU(), residual(body(generator)))), size)
    check(  # activations before it, and behind it, where they overwrite its output
        lambda generator: Sequential(
            *(ReLU(), residual(body(generator)), ReLU()),
            *(Conv2d(2, 2, 1, generator=generator), residual(body(generator)), PReLU(2)),
        ),
        size,
    )


def test_it_is_lowered() -> None:
    network = Network(Sequential(Residual(Sequential())))
    assert any(
        isinstance(it, Residual) and isinstance(it, LoweredModule) for it in network.modules()
    )


def test_batch_norm2d_in_evaluation_mode() -> None:
    model = Sequential(Residual(body(torch.Generator().manual_seed(0))))
    model(torch.randn(4, 2, 9, 6))  # other running statistics than a new layer's
    model.eval()
    x = torch.randn(3, 2, 9, 6)
    fast = lower(model)
    torch.testing.assert_close(fast(x), model(x))
    for index in range(3):
        torch.testing.assert_close(fast(x)[index], model(x[index]))
    assert all(module.batch_independent for module in model.modules())
    assert not all(module.batch_independent for module in model.train().modules())


BODIES: dict[str, Callable[[], list[Module]]] = {
    "convolutions": lambda: [Conv2d(16, 16, 3, padding=1), ReLU(), Conv2d(16, 16, 3, padding=1)],
    "one": lambda: [Conv2d(16, 16, 3, padding=1)],
    "normalised": lambda: [Conv2d(16, 20, 3, padding=1), Conv2d(20, 16, 3, 1, 1), BatchNorm2d(16)],
    "activations outside": lambda: [ReLU(), Conv2d(16, 16, 3, padding=1), ReLU()],
    "in one another": lambda: [
        Residual(Sequential(Conv2d(16, 16, 3, padding=1))),
        Conv2d(16, 16, 3, padding=1),
    ],
    "other kernels": lambda: [Conv2d(16, 32, 5, 2, 2), ReLU(), ConvTranspose2d(32, 16, 4, 2, 1)],
}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("scale", "sign"), [(1.0, "plus"), (0.5, "minus")])
@pytest.mark.parametrize("name", BODIES)
def test_the_addition_may_be_a_convolutions(
    name: str, scale: float, sign: str, training: bool
) -> None:
    """In float32, in which there are kernels that do it; twice, and in both layouts."""
    torch.manual_seed(0)
    blocks = [Residual(Sequential(*BODIES[name]()), scale, sign) for _ in range(2)]
    model = Sequential(Conv2d(3, 16, 3, padding=1), ReLU(), *blocks).train(training)
    exact = deepcopy(model).to(torch.float64)
    network = Network(model)
    x, grad_y = torch.randn(3, 3, 18, 20), torch.randn(3, 16, 18, 20)
    for memory_format in (torch.contiguous_format, torch.channels_last):
        given, grad = (t.contiguous(memory_format=memory_format) for t in (x, grad_y))
        assert_close(network.forward(given), exact.forward(x.double()))
        if training:
            model.zero_grad()
            exact.zero_grad()
            assert_close(network.backward(grad), exact.backward(grad_y.double()))
            found, expected = (  # all at once: those of biases before a normalisation are 0
                torch.cat([parameter.gradient.flatten() for parameter in own.param()])
                for own in (model, exact)
            )
            assert_close(found, expected)


def assert_close(found: torch.Tensor, expected: torch.Tensor) -> None:
    largest = max(1.0, float(expected.abs().max()))
    assert float((found - expected).abs().max()) <= 1e-5 * largest


@pytest.mark.skipif(bool(build.problem()), reason=build.problem() or "-")
def test_nothing_is_left_to_add() -> None:
    model = Sequential(*(Residual(Sequential(*BODIES["convolutions"]())) for _ in range(2)))
    network = Network(model)
    x = torch.randn(2, 16, 24, 24).contiguous(memory_format=torch.channels_last)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        network.backward(network.forward(x))
    assert "aten::add" not in {event.key for event in profile.key_averages()}


def test_another_shape_is_refused_as_by_the_layer() -> None:
    blocks = [
        Residual(Sequential(Conv2d(16, 16, 3))),
        Residual(Sequential(Conv2d(16, 20, 3, 1, 1))),
    ]
    for block in blocks:
        with pytest.raises(ShapeError) as expected:
            block.forward(torch.zeros(2, 16, 24, 24))
        with pytest.raises(ShapeError) as found:
            Network(block).forward(torch.zeros(2, 16, 24, 24))
        assert str(found.value) == str(expected.value)
