from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tests.draws import draws
from tests.engine.shipped import compiler
from zoo.engine import Lowered, lower
from zoo.errors import ShapeError
from zoo.inference.any_size import any_size
from zoo.inference.tiles import grid, tiled, tiled_tensor
from zoo.nn import Conv2d, ConvTranspose2d, Linear, Module, NearestUpsampling, ReLU, Sequential
from zoo.train.session import initial_model

ARCHITECTURES = Path(__file__).parents[2] / "architectures"
NAMES = sorted(path.stem for path in ARCHITECTURES.glob("*.toml"))


@torch.no_grad()
def assert_like_the_whole(model: Module, image: Tensor, tile: int) -> None:
    network = lower(model.eval())
    whole = any_size(network, image)
    output = tiled_tensor(network, image, tile=tile)
    assert float((output - whole).abs().max()) <= 1e-5 * max(1.0, float(whole.abs().max()))


def draw_weights(model: Module) -> Module:
    """Weights of which none is zero, as of a trained network."""
    for value, _ in model.param():
        if not value.any():
            value.normal_(std=0.05)
    return model


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_networks(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    size, tile = ((331, 45), 33) if name == "n2n_unet" else ((71, 62), 19)
    made = compiler(name, monkeypatch)
    model = draw_weights(initial_model(made, seed=0)).eval()
    image = torch.rand(1, 3, *size)
    assert_like_the_whole(model, image, tile)
    assert len(grid(lower(model), (3, *size), tile).rows) > 1
    inputs_of = made.architecture.shapes.info.input_range[0]
    reach = lower(model).parts.reach(3, (64, 64), axis=0)
    assert reach is not None
    assert reach.step == inputs_of.step
    start = 64 * reach.step
    behind = [at for at in range(start, start + 300) if inputs_of((at, at))[0] < start]
    ahead = [at for at in range(start - 300, start) if inputs_of((at, at))[1] >= start]
    assert start + reach.before == max(behind) + 1
    assert start - reach.after == min(ahead)


@st.composite
def networks(draw: st.DrawFn, depth: int = 2) -> list[Module]:
    """Layers that give back three channels, and any size or multiples of a small one."""
    channels = draw(st.integers(1, 5))
    kernel = draw(st.integers(1, 4))
    layers: list[Module] = []
    kind = draw(st.sampled_from(["plain", "down", "transposed", "between", "shrunk"]))
    if kind == "plain":
        odd = 2 * (kernel // 2) + 1
        dilation = draw(st.integers(1, 2))
        padding = odd // 2 * dilation
        layers += [Conv2d(3, channels, odd, padding=padding, dilation=dilation), ReLU()]
        layers += [Conv2d(channels, 3, 1)]
    elif kind == "down":
        stride = draw(st.integers(2, 3))
        layers += [Conv2d(3, channels, stride + 2, stride=stride, padding=1), ReLU()]
        layers += [NearestUpsampling(stride), Conv2d(channels, 3, 3, padding=1)]
    elif kind == "transposed":
        layers += [Conv2d(3, channels, 3, stride=2, padding=1), ReLU()]
        layers += [ConvTranspose2d(channels, 3, 3, stride=2, padding=1, output_padding=1)]
    elif kind == "shrunk":
        layers += [Conv2d(3, channels, kernel), ReLU(), ConvTranspose2d(channels, 3, kernel)]
    elif depth:
        layers += draw(networks(depth - 1)) + draw(networks(depth - 1))
    return layers


@given(st.data(), networks(), st.integers(1, 40), st.integers(1, 40), st.integers(1, 12))
@draws(40)
def test_random_networks(
    data: st.DataObject, layers: Sequence[Module], height: int, width: int, tile: int
) -> None:
    image = torch.rand(1, 3, height, width)
    model = Sequential(*layers)
    try:
        any_size(lower(model.eval()), image)
    except ShapeError:
        return
    assert_like_the_whole(model, image, tile)


class Ramp(Module):
    """Adds the position of each row."""

    batch_independent = True

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.linspace(0, 1, x.shape[2])[:, None]

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        return tuple(input_shape)


class Centred(Ramp):
    """Subtracts the mean of the whole image."""

    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean((2, 3), keepdim=True)


@pytest.mark.parametrize(("layer", "rows", "columns"), [(Ramp(), 1, 8), (Centred(), 1, 1)])
def test_what_looks_at_the_whole_picture_is_given_the_whole(
    layer: Module, rows: int, columns: int
) -> None:
    network = lower(Sequential(Conv2d(3, 3, 3, padding=1), layer).eval())
    found = grid(network, (3, 80, 64), tile=8)
    assert (len(found.rows), len(found.columns)) == (rows, columns)
    image = torch.rand(1, 3, 80, 64)
    torch.testing.assert_close(tiled_tensor(network, image, tile=8), any_size(network, image))


def test_a_network_of_one_width_is_given_whole_rows() -> None:
    network = lower(Sequential(Linear(24, 24)).eval())
    found = grid(network, (3, 100, 24), tile=10)
    assert (len(found.rows), len(found.columns)) == (10, 1)


@pytest.fixture
def network() -> Lowered:
    layers = Conv2d(3, 4, 3, stride=2, padding=1), NearestUpsampling(2), Conv2d(4, 3, 3, padding=1)
    return lower(Sequential(*layers).eval())


def test_each_pixel_is_read_within_the_picture_and_written_once(network: Lowered) -> None:
    picture = (torch.rand(3, 57, 41) * 255).to(torch.uint8)
    written = torch.zeros(57, 41, dtype=torch.int64)
    output = torch.zeros(1, 3, 57, 41)
    done: list[int] = []

    def read(top: int, bottom: int, left: int, right: int) -> Tensor:
        assert 0 <= top < bottom <= 57
        assert 0 <= left < right <= 41
        return picture[None, :, top:bottom, left:right].float() / 255

    def write(top: int, left: int, pixels: Tensor) -> None:
        height, width = pixels.shape[2:]
        written[top : top + height, left : left + width] += 1
        output[:, :, top : top + height, left : left + width] = pixels

    tiled(network, read, write, (3, 57, 41), tile=10, on_tile=done.append)
    assert bool((written == 1).all())
    assert done == sorted(set(done))
    assert done[-1] == 57 * 41
    whole = any_size(network, picture[None].float() / 255)
    torch.testing.assert_close(output, whole, rtol=0, atol=1e-6)


def test_the_same_bits_each_time(network: Lowered) -> None:
    image = torch.rand(1, 3, 64, 48)
    first, *others = (tiled_tensor(network, image, tile=16) for _ in range(5))
    assert all(torch.equal(first, other) for other in others)


def test_less_memory_makes_smaller_tiles(network: Lowered) -> None:
    counts = [len(list(grid(network, (3, 600, 400), memory=2**bits))) for bits in (18, 19, 30)]
    assert counts[0] > counts[1] > counts[2]


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
@pytest.mark.parametrize("on_gpu", [False, True])
def test_tiles_on_a_gpu_are_those_of_a_cpu(network: Lowered, on_gpu: bool) -> None:
    images = torch.rand(2, 3, 203, 311)
    expected = tiled_tensor(network, images, tile=24)
    network.to("cuda")
    given = images.to("cuda") if on_gpu else images
    output = tiled_tensor(network, given, tile=24)
    assert output.device.type == given.device.type
    torch.testing.assert_close(output.cpu(), expected, rtol=0, atol=1e-4)
