"""How a model is lowered: what is copied, what is shared, and what plugins say of their layers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.engine.layers import Concat, Doubled, Residual, Scale
from zoo.engine import lower, lowerings
from zoo.engine.chain import Chain
from zoo.engine.conv_layer import ConvLayer
from zoo.engine.elementwise import Elementwise
from zoo.engine.network import Network, copy_with_children
from zoo.engine.upsampling import LoweredUpsampling
from zoo.errors import PluginError
from zoo.nn import Conv2d, Linear, Module, NearestUpsampling, ReLU, Sequential, Sigmoid, Upsampling
from zoo.plugins.lowering import Lowering


def lowered_kinds(model: Module) -> list[str]:
    """The classes of what computes, those of the model itself left out."""
    own = set(map(id, model.modules()))
    return [type(module).__name__ for module in Network(model).modules() if id(module) not in own]


@pytest.mark.parametrize(
    ("make", "kinds"),
    [
        (
            lambda: Sequential(Conv2d(3, 4, 3), ReLU(), Linear(4, 2)),
            [Chain, ConvLayer, Elementwise],
        ),
        (lambda: Sequential(NearestUpsampling(2), Conv2d(3, 4, 3)), [Chain, ConvLayer]),
        (
            lambda: Sequential(NearestUpsampling(2), Conv2d(3, 4, 3, 2)),
            [Chain, LoweredUpsampling, ConvLayer],
        ),
        (lambda: Upsampling(3, 4, 3), [ConvLayer]),
        (lambda: Upsampling(3, 4, 3, dilation=2), [Upsampling, LoweredUpsampling, ConvLayer]),
        (lambda: Residual(Sigmoid()), [Residual, Elementwise]),
        (lambda: Sequential(Doubled(), Scale()), [Chain]),
    ],
)
def test_what_layers_become(make: Callable[[], Module], kinds: list[type[Module]]) -> None:
    assert lowered_kinds(make()) == [kind.__name__ for kind in kinds]


def test_a_container_is_copied_with_its_lowered_children_wherever_it_has_them() -> None:
    first, second = ReLU(), Sigmoid()
    container = Concat(first, second)
    container.parameters["weight"] = Scale().parameters["weight"]
    notes = container.notes = [1, 2]  # type: ignore[attr-defined]
    replaced = {id(first): ReLU(), id(second): Sigmoid()}
    copied = copy_with_children(container, lambda module: replaced[id(module)])
    assert isinstance(copied, Concat)
    assert copied.branches == list(replaced.values())
    assert copied.by_name == dict(zip(("branch0", "branch1"), replaced.values(), strict=True))
    assert copied.children == copied.by_name
    assert copied.parameters is container.parameters
    assert copied.buffers is container.buffers
    assert copied.notes is notes  # type: ignore[attr-defined]
    assert container.branches == [first, second]
    assert list(container.children.values()) == [first, second]


def test_the_textbook_may_be_used_in_between() -> None:
    model = Sequential(Conv2d(3, 4, 3), ReLU(), Residual(Conv2d(4, 4, 3, padding=1)))
    fast = lower(model)
    x, other = torch.randn(2, 3, 6, 6), torch.randn(1, 3, 5, 5)
    y = model.forward(x)
    expected = model.backward(y)
    assert fast.forward(x).allclose(y)
    model.forward(other)
    fast.forward(x)
    assert fast.backward(y).allclose(expected, atol=1e-5)


class Third(Module):
    """Of a plugin: x / 3."""

    def forward(self, x: Tensor) -> Tensor:
        return x / 3


def lower_third(layer: Third, lower: object) -> Module:
    return Elementwise(
        layer,
        lambda x, out: torch.mul(x, 2, out=out),  # wrong, so that it is seen
        lambda grad_y, y, out: torch.mul(grad_y, 2, out=out),
    )


def record(factory: str) -> Lowering:
    return Lowering(layer=f"{__name__}:Third", factory=factory)


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Callable[[Lowering], None]:
    """``plugin(record)``: what an installed plugin's hook returns."""

    def install(record: Lowering) -> None:
        monkeypatch.setattr(lowerings, "load_lowerings", lambda: [record])
        monkeypatch.setenv("ZOO_PLUGINS", record.factory)  # asked for once for each selection

    return install


def test_a_plugins_lowering_is_used(plugin: Callable[[Lowering], None]) -> None:
    plugin(record(f"{__name__}:lower_third"))
    x = torch.ones(1, 2, 3, 3)
    warnings: list[str] = []
    assert lower(Sequential(Third()), warnings.append).forward(x).equal(2 * x)
    assert warnings == []


def test_one_that_cannot_be_loaded_is_told_and_done_without(
    plugin: Callable[[Lowering], None],
) -> None:
    broken = record(f"{__name__}:no_such_function")
    plugin(broken)
    with pytest.raises(PluginError) as error:
        broken.load()
    x, warnings = torch.ones(1, 2, 3, 3), list[str]()
    assert lower(Sequential(Third()), warnings.append).forward(x).equal(x / 3)
    assert warnings == [f"{error.value} Its layer computes as its own code says."]
