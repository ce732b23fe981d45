"""The Noise2Noise network: its file, and the network itself against one written in torch.nn."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, leaky_relu, max_pool2d, mse_loss

from zoo.architecture import Architecture, parse_architecture, read_architecture
from zoo.architecture.overrides import parse_overrides
from zoo.compiler import Compiler
from zoo.inference import Denoiser
from zoo.nn import Sequential
from zoo.plugins.discovery import discover
from zoo.plugins.registry import Registry, load_registry
from zoo.testing import check_against_torch
from zoo.train import TrainStep

pytest.importorskip("zoo_unet", reason="zoo-unet is not installed")

from zoo_unet.reflect_pad import ReflectPad

FILE = Path(__file__).parents[1] / "architectures" / "n2n_unet.toml"
README = Path(__file__).parents[1] / "README.md"
SMALL = ["vars.channels=4", "vars.wide=6"]
PARAMETERS = 991_203


class TorchUNet(torch.nn.Module):
    """The network as the paper's table has it, row by row."""

    def __init__(
        self,
        channels: int = 48,
        wide: int = 96,
        last: tuple[int, int] = (64, 32),
        pool: Any = max_pool2d,
    ) -> None:
        super().__init__()
        down = [(3, channels), *[(channels, channels)] * 6]  # ENC_CONV0 to 6
        up = [(2 * channels, wide), (wide, wide)]  # DEC_CONV5A and B
        up += [(wide + channels, wide), (wide, wide)] * 3  # 4A to 2B
        end = [(wide + 3, last[0]), last, (last[1], 3)]  # DEC_CONV1A to C
        self.convolutions = torch.nn.ModuleList(
            torch.nn.Conv2d(*counts, kernel_size=3, padding=1) for counts in (*down, *up, *end)
        )
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        convolutions = iter(self.convolutions)

        def convolve(x: Tensor) -> Tensor:
            return leaky_relu(next(convolutions)(x), 0.1)

        beside = [x]
        h = convolve(x)
        for _ in range(5):
            h = self.pool(convolve(h), 2)
            beside.append(h)
        beside.pop()  # POOL5 goes on to ENC_CONV6 only
        h = convolve(h)
        for _ in range(5):
            h = interpolate(h, scale_factor=2, mode="nearest")
            h = torch.cat((h, beside.pop()), dim=1)
            h = convolve(convolve(h))
        y: Tensor = next(convolutions)(h)
        return y


class Renamed(torch.nn.Module):
    """The network under the names of another state dict, of the same values in the same order."""

    def __init__(self, network: TorchUNet, names: list[str]) -> None:
        super().__init__()
        self.network = network
        self.names = names

    def named_parameters(self, *arguments: Any, **options: Any) -> Any:
        return zip(self.names, self.network.parameters(), strict=True)

    def load_state_dict(self, state_dict: Any, *arguments: Any, **options: Any) -> Any:
        assert list(state_dict) == self.names
        own = self.network.state_dict()
        values = dict(zip(own, state_dict.values(), strict=True))
        return self.network.load_state_dict(values, strict=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.network(x)
        return y


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry(discover({"ZOO_PLUGINS": "zoo-unet"}))


@pytest.fixture(scope="module")
def read(registry: Registry) -> Callable[..., Architecture]:
    return lambda *changes: read_architecture(FILE, registry, parse_overrides(changes, FILE.parent))


@pytest.fixture(scope="module")
def build(registry: Registry) -> Callable[[Architecture], Sequential]:
    def model(spec: Architecture) -> Sequential:
        return Compiler(spec, registry).model(torch.Generator().manual_seed(0))

    return model


Read = Callable[..., Architecture]
Build = Callable[[Architecture], Sequential]
Zoo = Callable[..., str]


def test_check(zoo: Zoo) -> None:
    assert zoo("check", str(FILE)) == f"{FILE}: 6 layers, {PARAMETERS:,} parameters\n"


def test_show(zoo: Zoo) -> None:
    shown = json.loads(zoo("show", str(FILE), "--json"))
    assert shown["parameters"] == PARAMETERS
    assert shown["receptive_field"] == [288, 288]
    text = zoo("show", str(FILE)).splitlines()
    assert max(map(len, text)) <= 80
    assert text[-2:] == [
        "receptive field: 288 x 288 pixels",
        "image sizes: heights and widths that are a multiple of 32",
    ]
    types = [layer["type"] for layer in shown["layers"]]
    counts = {name: types.count(name) for name in sorted(set(types))}
    assert counts == {
        "conv2d": 18,
        "leaky_relu": 17,
        "max_pool2d": 5,
        "nearest_upsampling": 5,
        "skip": 5,
    }


def test_a_crop_that_is_no_multiple_of_32(zoo: Zoo) -> None:
    """What does not fit is reported at the innermost level that it does not fit into."""
    output = zoo("check", str(FILE), "--set", "input.height=48")
    lines = FILE.read_text("utf-8").splitlines()
    places = [number for number, line in enumerate(lines, 1) if '"level5"' in line]
    assert output.startswith(f"{FILE}:{places[0]}:")
    assert (
        "body layer 3 (skip): the body gives 48x2x4 and its input is 48x3x4. "
        "Use a body that gives back its input's height and width, or another size of input."
    ) in output


def test_the_resolved_file_is_the_same_network(
    read: Read, build: Build, registry: Registry
) -> None:
    spec = read(*SMALL)
    again = parse_architecture(spec.text, registry, "resolved.toml", FILE.parent)
    state, same = build(spec).state_dict(), build(again).state_dict()
    assert list(state) == list(same)
    assert all(state[name].equal(same[name]) for name in state)


def test_the_example_of_the_readme(registry: Registry, tmp_path: Path) -> None:
    example = README.read_text("utf-8").split("```toml\n")[1].split("```")[0]
    start = 'format = 1\nname = "example"\ninput = { channels = 3, height = 32, width = 32 }\n'
    spec = parse_architecture(start + example, registry, "readme.toml", tmp_path)
    assert [layer.type for layer in spec.layers] == ["skip", "conv2d"]
    assert [layer.parameters.get("in_channels") for layer in spec.layers] == [None, 35]


def test_the_network_has_the_paper_s_layers(read: Read, build: Build) -> None:
    model = build(read())
    shapes = [tuple(value.shape) for value in model.state_dict().values()]
    expected = [tuple(value.shape) for value in TorchUNet().state_dict().values()]
    assert shapes == expected
    assert len(shapes) == 2 * 18
    assert sum(value.numel() for value in model.state_dict().values()) == PARAMETERS


def test_the_initial_values(read: Read, build: Build) -> None:
    """He's: a variance of 2 / (1 + slope^2) / fan_in, with a slope of 1 where nothing follows."""
    *hidden, last = [p.value for n, p in build(read()).named_parameters() if n.endswith("weight")]
    for weight, slope in [*((weight, 0.1) for weight in hidden), (last, 1.0)]:
        expected = 2 / (1 + slope**2) / weight[0].numel()
        # The variance of n normal values is off by sqrt(2 / n), 5 times that is not chance.
        assert abs(weight.var() / expected - 1) < 5 * (2 / weight.numel()) ** 0.5
    biases = [p.value for n, p in build(read()).named_parameters() if n.endswith("bias")]
    assert len(biases) == 18
    assert not any(bias.any() for bias in biases)


def normal(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 1) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 96)])
def test_the_output_and_all_gradients_are_torch_s(
    height: int, width: int, read: Read, build: Build
) -> None:
    model = build(read()).to(torch.float64)
    reference = Renamed(TorchUNet().double(), list(model.state_dict()))
    check_against_torch(model, reference, normal(2, 3, height, width))


def test_two_training_steps_are_torch_s(read: Read, build: Build, registry: Registry) -> None:
    spec = read()
    model = build(spec).to(torch.float64)
    reference = TorchUNet().double()
    reference.load_state_dict(
        dict(zip(reference.state_dict(), model.state_dict().values(), strict=True))
    )
    compiler = Compiler(spec, registry)
    step = TrainStep(model, compiler.loss(), compiler.optimizer(model.param()))
    optimizer = torch.optim.Adam(reference.parameters(), lr=1e-3, betas=(0.9, 0.99))
    for seed in (1, 2):
        x, target = normal(2, 3, 32, 32, seed=seed), normal(2, 3, 32, 32, seed=seed + 10)
        loss = step(x, target)
        optimizer.zero_grad()
        expected = mse_loss(reference(x), target)
        expected.backward()
        optimizer.step()
        torch.testing.assert_close(loss, expected.detach(), rtol=1e-10, atol=1e-10)
        # Adam divides by the gradient's size: where that is tiny, so is what is left of it.
        pairs = zip(model.state_dict().values(), reference.state_dict().values(), strict=True)
        for value, expected_value in pairs:
            torch.testing.assert_close(value, expected_value, rtol=1e-8, atol=1e-8)


def test_the_learning_rate_is_constant_and_then_falls(read: Read, registry: Registry) -> None:
    schedule = Compiler(read(), registry).schedule()
    rates = [schedule(step, 500, 8) for step in range(4000)]
    assert rates[:2800] == [1.0] * 2800
    assert all(later < earlier for earlier, later in pairwise(rates[2800:]))
    assert rates[-1] == 0


def test_the_receptive_field(read: Read) -> None:
    """Means in the place of maxima, and positive weights: all that can be seen is seen."""
    input_rows, _ = read().shapes.info.input_range
    network = TorchUNet(1, 1, (1, 1), avg_pool2d).double()
    with torch.no_grad():
        for value in network.parameters():
            value.fill_(0.5)
    x = torch.zeros(1, 3, 640, 32, dtype=torch.float64, requires_grad=True)
    y = network(x)
    spans = []
    for row in range(320, 352):  # the pattern repeats after 32 rows
        (grad_x,) = torch.autograd.grad(y[0, 0, row].sum(), x, retain_graph=True)
        seen = grad_x.sum((0, 1, 3)).nonzero().flatten()
        spans.append((int(seen[0]), int(seen[-1])))
        assert input_rows((row, row)) == spans[-1]
    assert max(last - first + 1 for first, last in spans) == 288


def test_images_of_any_size(read: Read, build: Build) -> None:
    """zoo extends them as reflect_pad does."""
    model = build(read(*SMALL)).eval()
    x = normal(1, 3, 37, 70, dtype=torch.float32)
    y = Denoiser(model)(x)
    assert y.shape == x.shape
    torch.testing.assert_close(y, ReflectPad(model, 32).eval().forward(x))


def test_a_network_that_takes_any_size_by_itself(
    zoo: Zoo, registry: Registry, build: Build, tmp_path: Path
) -> None:
    text = FILE.read_text("utf-8")
    start, layers = text.split("[[layers]]", 1)
    layers, rest = layers.split("[optimizer]", 1)
    body = "[[blocks.unet]]" + layers.replace("[[layers]]", "[[blocks.unet]]")
    around = '[[layers]]\ntype = "reflect_pad"\nmultiple = 32\nbody = "unet"\n\n'
    text = f"{start.replace('height = 64', 'height = 50')}{body}{around}[optimizer]{rest}"
    spec = parse_architecture(text, registry, "any.toml", tmp_path)
    assert spec.shapes.info.parameters == PARAMETERS
    assert spec.shapes.info.output_shape == (3, 50, 64)
    path = tmp_path / "any.toml"
    path.write_text(text, "utf-8")
    assert zoo("show", str(path)).splitlines()[-1] == "image sizes: heights and widths of any size"
    assert next(iter(build(spec).state_dict())) == "0.body.0.body.0.weight"
