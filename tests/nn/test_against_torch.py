"""Outputs and all gradients of every layer against torch.nn's, over grids of arguments."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
import torch

from zoo.nn import (
    Conv2d,
    ConvTranspose2d,
    Linear,
    Module,
    NearestUpsampling,
    ReLU,
    Sequential,
    Sigmoid,
    Upsampling,
)
from zoo.nn.fast import operators
from zoo.testing import check_against_torch

Options = dict[str, Any]

# |difference| <= tolerance (1 + |expected|); gradients are sums of some hundred products.
TOLERANCES = {torch.float32: 2e-5, torch.float64: 1e-10}
DTYPES = pytest.mark.parametrize("dtype", TOLERANCES, ids=["float32", "float64"])
CHANNELS = [(3, 4, 1), (4, 6, 2), (3, 6, 3), (4, 4, 4)]  # in, out, groups; the last two depthwise

# torch says so once for each process where "same" needs one zero more on one side.
IGNORE_UNEVEN_PADDING = pytest.mark.filterwarnings("ignore:Using padding='same'")


def normal(*shape: int, dtype: torch.dtype, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, dtype=dtype, generator=generator)


def grid(**values: list[Any]) -> list[Any]:
    """Every combination as a dict, with a readable id such as ``kernel_size=3-stride=(2, 1)``."""
    combinations = [
        dict(zip(values, combination, strict=True)) for combination in product(*values.values())
    ]
    return [
        pytest.param(options, id="-".join(f"{key}={value}" for key, value in options.items()))
        for options in combinations
    ]


def with_channels(options: Options) -> Options:
    in_channels, out_channels, groups = options["channels"]
    return {
        **{key: value for key, value in options.items() if key != "channels"},
        "in_channels": in_channels,
        "out_channels": out_channels,
        "groups": groups,
    }


@pytest.fixture(autouse=True, params=["textbook", "fast"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Which form of the convolutions computes these small images."""
    monkeypatch.setattr(operators, "LITTLE_WORK", 0 if request.param == "fast" else 2**60)
    return str(request.param)


def check(module: Module, reference: torch.nn.Module, x: torch.Tensor) -> None:
    check_against_torch(module.to(x.dtype), reference.to(x.dtype), x, TOLERANCES[x.dtype])


@DTYPES
@pytest.mark.parametrize(
    "options",
    grid(
        kernel_size=[1, 3, (2, 3), (5, 1)],
        stride=[1, 2, (2, 3)],
        padding=[0, 1, (2, 1)],
        dilation=[1, (1, 2)],
        channels=CHANNELS,
        bias=[True, False],
    ),
)
def test_conv2d(options: Options, dtype: torch.dtype) -> None:
    arguments = with_channels(options)
    x = normal(2, arguments["in_channels"], 7, 9, dtype=dtype)
    check(Conv2d(**arguments), torch.nn.Conv2d(**arguments), x)


@IGNORE_UNEVEN_PADDING
@DTYPES
@pytest.mark.parametrize(
    "options",
    grid(
        kernel_size=[1, 2, 3, (4, 3), (2, 5)],
        padding=["same", "valid"],
        dilation=[1, (2, 3)],
        channels=CHANNELS,
    ),
)
def test_conv2d_with_padding_by_name(options: Options, dtype: torch.dtype) -> None:
    arguments = with_channels(options)
    x = normal(2, arguments["in_channels"], 8, 13, dtype=dtype)
    check(Conv2d(**arguments), torch.nn.Conv2d(**arguments), x)


@DTYPES
@pytest.mark.parametrize(
    "options",
    grid(
        kernel_size=[1, 3, (2, 3)],
        stride=[1, 2, (3, 2)],
        padding=[0, (0, 1)],
        dilation=[1, (2, 1)],
        channels=CHANNELS,
        bias=[True, False],
    ),
)
def test_conv_transpose2d(options: Options, dtype: torch.dtype) -> None:
    arguments = with_channels(options)
    x = normal(2, arguments["in_channels"], 3, 4, dtype=dtype)
    check(ConvTranspose2d(**arguments), torch.nn.ConvTranspose2d(**arguments), x)


@DTYPES
@pytest.mark.parametrize(
    "options",
    grid(
        kernel_size=[1, 3, (4, 2)],
        stride=[2, (3, 2)],
        padding=[0, 1],
        output_padding=[0, 1, (1, 0)],
        dilation=[1, 2],
        channels=[(3, 4, 1), (4, 6, 2)],
    ),
)
def test_output_padding(options: Options, dtype: torch.dtype) -> None:
    arguments = with_channels(options)
    x = normal(2, arguments["in_channels"], 3, 4, dtype=dtype)
    check(ConvTranspose2d(**arguments), torch.nn.ConvTranspose2d(**arguments), x)


def test_output_padding_may_be_less_than_the_dilation_only() -> None:
    arguments: Options = {"kernel_size": 2, "stride": 1, "output_padding": 2, "dilation": 3}
    x = normal(2, 3, 3, 4, dtype=torch.float64)
    check(ConvTranspose2d(3, 2, **arguments), torch.nn.ConvTranspose2d(3, 2, **arguments), x)


@DTYPES
@pytest.mark.parametrize("batch", [0, 1, 3, None], ids=["none", "one", "three", "unbatched"])
@pytest.mark.parametrize("size", [(7, 5), (4, 4), (3, 8)], ids=str)
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(
    ("layer", "reference"),
    [(Conv2d, torch.nn.Conv2d), (ConvTranspose2d, torch.nn.ConvTranspose2d)],
    ids=["conv2d", "conv_transpose2d"],
)
def test_batches_and_sizes(
    layer: type[Conv2d],
    reference: type[torch.nn.Conv2d],
    groups: int,
    size: tuple[int, int],
    batch: int | None,
    dtype: torch.dtype,
) -> None:
    arguments: Options = {"kernel_size": 3, "stride": 2, "padding": 1, "groups": groups}
    shape = (4, *size) if batch is None else (batch, 4, *size)
    x = normal(*shape, dtype=dtype)
    check(layer(4, 6, **arguments), reference(4, 6, **arguments), x)


def upsampling_of_torch(scale_factor: Any, *arguments: Any, **options: Any) -> torch.nn.Module:
    return torch.nn.Sequential(
        torch.nn.Upsample(scale_factor=scale_factor), torch.nn.Conv2d(*arguments, **options)
    )


@IGNORE_UNEVEN_PADDING
@DTYPES
@pytest.mark.parametrize(
    "options",
    grid(
        scale_factor=[2, (1, 3)],
        kernel_size=[1, 3, 7, (2, 3)],
        stride=[1],
        padding=[3, "same", (3, 4)],
        dilation=[1, (1, 2)],
        channels=[(3, 4, 1), (4, 6, 2)],
        bias=[True, False],
    )
    + grid(
        scale_factor=[3, (2, 1)],
        kernel_size=[3, (2, 1)],
        stride=[2, (1, 3)],
        padding=[0, (0, 2)],
        channels=CHANNELS,
    ),
)
def test_upsampling(options: Options, dtype: torch.dtype) -> None:
    arguments = with_channels(options)
    x = normal(2, arguments["in_channels"], 3, 5, dtype=dtype)
    check(Upsampling(**arguments), upsampling_of_torch(**arguments), x)


@DTYPES
@pytest.mark.parametrize("batch", [0, 1, 3])
@pytest.mark.parametrize("scale_factor", [1, 2, 3, (1, 4), (3, 2)], ids=str)
def test_nearest_upsampling(scale_factor: Any, batch: int, dtype: torch.dtype) -> None:
    reference = torch.nn.Upsample(scale_factor=scale_factor, mode="nearest")
    x = normal(batch, 3, 4, 5, dtype=dtype)
    check(NearestUpsampling(scale_factor), reference, x)


@DTYPES
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(4,), (0, 4), (1, 4), (3, 4), (2, 3, 4), (2, 3, 5, 4)], ids=str)
@pytest.mark.parametrize("out_features", [1, 5])
def test_linear(out_features: int, shape: tuple[int, ...], bias: bool, dtype: torch.dtype) -> None:
    x = normal(*shape, dtype=dtype)
    check(Linear(4, out_features, bias), torch.nn.Linear(4, out_features, bias), x)


@DTYPES
@pytest.mark.parametrize("shape", [(), (5,), (0, 3), (2, 3, 4, 5)], ids=str)
@pytest.mark.parametrize(
    ("layer", "reference"),
    [(ReLU, torch.nn.ReLU), (Sigmoid, torch.nn.Sigmoid)],
    ids=["relu", "sigmoid"],
)
def test_elementwise(
    layer: type[Module],
    reference: type[torch.nn.Module],
    shape: tuple[int, ...],
    dtype: torch.dtype,
) -> None:
    check(layer(), reference(), 3 * normal(*shape, dtype=dtype))


@pytest.mark.parametrize(
    ("layer", "reference"),
    [(ReLU, torch.nn.ReLU), (Sigmoid, torch.nn.Sigmoid)],
    ids=["relu", "sigmoid"],
)
def test_elementwise_at_the_edges(layer: type[Module], reference: type[torch.nn.Module]) -> None:
    x = torch.tensor([0.0, -0.0, 1e-300, -1e-300, 800.0, -800.0, torch.inf, -torch.inf]).double()
    check(layer(), reference(), x)


def test_relu_passes_on_what_is_not_a_number_as_torch_does() -> None:
    x = torch.tensor([torch.nan, -1.0, 1.0], requires_grad=True)
    (expected,) = torch.autograd.grad(torch.relu(x), x, torch.ones(3))
    module = ReLU()
    assert torch.equal(module.forward(x.detach()).isnan(), torch.tensor([True, False, False]))
    assert module.backward(torch.ones(3)).equal(expected)


# The three comparisons below are those of the course's public test: torch.allclose as it comes.


@pytest.fixture(params=[1, 2], ids=["one", "two"])
def threads(request: pytest.FixtureRequest) -> Iterator[None]:
    """Another number of threads is another order of summation."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
def test_conv2d_under_default_allclose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # the form that is chosen
    generator = torch.Generator().manual_seed(0)
    for _ in range(100):
        conv = Conv2d(3, 3, 3, generator=generator)
        x = torch.randn(1, 3, 32, 32, generator=generator)
        expected = torch.nn.functional.conv2d(x, conv.weight, conv.bias)
        assert torch.allclose(conv.forward(x), expected)


def test_sigmoid_under_default_allclose() -> None:
    x = normal(100, 3, 32, 32, dtype=torch.float32)
    assert torch.allclose(Sigmoid().forward(x), torch.sigmoid(x))


def test_sequential_under_default_allclose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    generator = torch.Generator().manual_seed(0)
    for _ in range(100):
        conv, relu, sigmoid = Conv2d(3, 3, 3, generator=generator), ReLU(), Sigmoid()
        x = torch.randn(1, 3, 32, 32, generator=generator)
        expected = torch.nn.functional.conv2d(x, conv.weight, conv.bias).relu().sigmoid()
        assert torch.allclose(Sequential(conv, relu, sigmoid).forward(x), expected)
