"""The layers as the engine computes them, in networks, against the layers themselves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from zoo.engine import Elementwise, lower
from zoo.engine.network import Network
from zoo.engine.upsampling import LoweredUpsampling
from zoo.nn import (
    Conv2d,
    ConvTranspose2d,
    Module,
    NearestUpsampling,
    ReLU,
    Sequential,
    Upsampling,
)
from zoo.spec.shape_rules import elementwise
from zoo.testing import LayerCase
from zoo.testing.other_forms import check_lowered

pytest.importorskip("zoo_unet", reason="zoo-unet is not installed")

from zoo_unet import lowerings
from zoo_unet.leaky_relu import LeakyReLU
from zoo_unet.max_pool2d import MaxPool2d
from zoo_unet.reflect_pad import ReflectPad
from zoo_unet.skip import Skip

SLOPES = (0.01, 0.2, 0.0, 1.0, 3.0, -0.5)
SIZES = ((5, 7), (8, 8), (49, 50))  # odd, even, and more work than is done as the textbook does


def check(build: Callable[[torch.Generator], Module], size: tuple[int, int]) -> None:
    """Outputs, all gradients, and those of the weights alone, in float64."""

    def named(generator: torch.Generator) -> Module:
        return build(generator)

    check_lowered(LayerCase(named, (3, 2, *size), "network", elementwise))


def convolution(generator: torch.Generator, stride: int = 1) -> Conv2d:
    return Conv2d(2, 2, 3, stride, 1, generator=generator)


def around(slope: float, *layers: Module) -> list[Module]:
    """The layers with a leaky ReLU before, between and behind them."""
    modules: list[Module] = [LeakyReLU(slope)]
    for layer in layers:
        modules += [layer, LeakyReLU(slope)]
    return modules


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("slope", SLOPES)
def test_leaky_relu_before_and_behind_convolutions(slope: float, size: tuple[int, int]) -> None:
    """Which pack their input through it: with a stride of 2, every other row by itself."""
    check(
        lambda generator: Sequential(
            *around(
                slope,
                convolution(generator),
                convolution(generator, stride=2),
                ConvTranspose2d(2, 2, 3, 2, generator=generator),
                Upsampling(2, 2, 3, padding=1, generator=generator),
            )
        ),
        size,
    )


@pytest.mark.parametrize("slope", SLOPES)
def test_leaky_relu_where_nothing_packs_it(slope: float) -> None:
    """On its own, several in a row, and in the place of what nobody else has."""
    check(lambda generator: Sequential(LeakyReLU(slope)), (5, 7))
    check(lambda generator: Sequential(*around(slope), *around(slope, ReLU())), (5, 7))
    check(
        lambda generator: Sequential(
            *(convolution(generator), *around(slope), *around(slope, MaxPool2d(2)))
        ),
        (5, 7),
    )


@pytest.mark.parametrize("slope", SLOPES)
def test_leaky_relu_is_lowered_where_its_output_tells_its_gradient(slope: float) -> None:
    layer = LeakyReLU(slope)
    lowered = lowerings.leaky_relu(layer, lambda module: module)
    assert (lowered is layer) == (slope < 0)
    used = [type(module) for module in Network(Sequential(layer)).modules()]
    assert (Elementwise in used) == (slope >= 0)


def u(generator: torch.Generator, slope: float) -> Module:
    """A small U-Net: a body inside a body, below half of the resolution."""
    inner = Skip(Sequential(MaxPool2d(2), *around(slope), Upsampling(2, 3, 3, padding=1)))
    for module in inner.modules():
        for parameter in module.parameters.values():
            parameter.value.normal_(generator=generator)
    return Sequential(
        Skip(
            Sequential(
                *(convolution(generator), LeakyReLU(slope), MaxPool2d(2)),
                *(inner, Conv2d(5, 2, 3, padding=1, generator=generator), LeakyReLU(slope)),
                Upsampling(2, 4, 1, generator=generator),
            )
        ),
        *(LeakyReLU(slope), Conv2d(6, 2, 1, generator=generator)),
    )


@pytest.mark.parametrize("slope", [0.1, -0.5])
@pytest.mark.parametrize("size", [(4, 8), (48, 52)], ids=str)
def test_skip(size: tuple[int, int], slope: float) -> None:
    check(lambda generator: u(generator, slope), size)


@pytest.mark.parametrize("slope", [0.1, -0.5])
@pytest.mark.parametrize("size", [(4, 8), (5, 7), (3, 2), (49, 50)], ids=str)
def test_reflect_pad(size: tuple[int, int], slope: float) -> None:
    check(lambda generator: ReflectPad(u(generator, slope), 4), size)
    check(lambda generator: Sequential(ReflectPad(u(generator, slope), 4), ReLU()), size)


@pytest.mark.parametrize("layer", [Skip, lambda body: ReflectPad(body, 4)])
def test_the_first_layer_of_all(layer: Callable[[Module], Module]) -> None:
    """Where nobody needs the gradient of the image."""
    check(lambda generator: layer(convolution(generator)), (5, 7))
    check(lambda generator: layer(Sequential(ReLU(), convolution(generator))), (5, 7))
    check(lambda generator: layer(Sequential()), (5, 7))


def test_skip_keeps_the_order_of_axes_in_memory() -> None:
    """Copies between two orders are slow, and convolutions have the channels side by side."""
    lowered = lowerings.skip(Skip(Sequential()), lambda module: module)
    x = torch.randn(4, 2, 5, 3).permute(1, 3, 0, 2)  # N, C, H, W from H, N, W, C
    y = lowered.forward(x)
    for image in (y, lowered.backward(torch.ones_like(y))):
        assert sorted(range(4), key=image.stride, reverse=True) == [2, 0, 3, 1]


@pytest.mark.parametrize("scale", [2, (3, 1)])
def test_what_the_body_upsamples_last_is_written_beside_x(scale: int | tuple[int, int]) -> None:
    """Other ends of a body, and none, are copied there."""
    sh, sw = (scale, scale) if isinstance(scale, int) else scale

    def bodies(generator: torch.Generator) -> list[Module]:
        down, up = MaxPool2d((sh, sw)), NearestUpsampling(scale)
        return [
            Sequential(down, convolution(generator), LeakyReLU(0.1), up),
            Sequential(down, up, ReLU()),
            Sequential(down, Sequential(ReLU(), up)),
            Skip(Sequential(down, up)),
        ]

    for number in range(4):
        check(
            lambda generator, number=number: Sequential(Skip(bodies(generator)[number]), ReLU()),
            (6, 8),
        )


def test_no_copy_is_made_of_what_is_upsampled(monkeypatch: pytest.MonkeyPatch) -> None:
    def copies() -> int:
        model = lower(Skip(Sequential(MaxPool2d(2), NearestUpsampling(2))))
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            model(torch.randn(1, 4, 8, 8))
        return {event.key: event.count for event in profile.key_averages()}["aten::copy_"]

    without = copies()
    monkeypatch.setattr(LoweredUpsampling, "defers", False)
    assert without == copies() - 1


def test_an_activation_may_overwrite_what_skip_gives() -> None:
    check(
        lambda generator: Sequential(
            *(Skip(Sequential()), ReLU(), Skip(Sequential()), LeakyReLU(0.1)),
            *(Skip(Skip(Sequential())), LeakyReLU(-0.5)),
        ),
        (5, 7),
    )


def test_in_evaluation_mode() -> None:
    model = ReflectPad(u(torch.Generator().manual_seed(0), 0.1), 4).eval()
    x = torch.randn(3, 2, 9, 6)
    torch.testing.assert_close(lower(model)(x), model(x))
    torch.testing.assert_close(lower(model)(x[0]), model(x[0]))
