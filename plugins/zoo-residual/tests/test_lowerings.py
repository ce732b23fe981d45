"""A residual connection as the engine computes it, in networks, against the layer itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from zoo.engine import LoweredModule, lower
from zoo.engine.network import Network
from zoo.nn import Conv2d, Module, ReLU, Sequential
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
