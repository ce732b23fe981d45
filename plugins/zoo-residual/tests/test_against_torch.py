"""Outputs, gradients and states of the layers against those of torch.nn's."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from zoo.nn import Conv2d, Module, ReLU, Sequential
from zoo.testing import check_against_torch

pytest.importorskip("zoo_residual", reason="zoo-residual is not installed")

from zoo_residual.batch_norm2d import SQUARES_AT_ONCE, BatchNorm2d
from zoo_residual.gelu import GELU
from zoo_residual.pixel_shuffle import PixelShuffle
from zoo_residual.pixel_unshuffle import PixelUnshuffle
from zoo_residual.prelu import PReLU
from zoo_residual.residual import Residual

# |difference| <= tolerance (1 + |expected|)
TOLERANCES = {torch.float32: 1e-5, torch.float64: 1e-10}
DTYPES = pytest.mark.parametrize("dtype", TOLERANCES, ids=["float32", "float64"])


def normal(*shape: int, dtype: torch.dtype, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def check(module: Module, reference: torch.nn.Module, x: Tensor) -> None:
    reference.to(x.dtype)
    check_against_torch(module.to(x.dtype), reference, x, TOLERANCES[x.dtype])


def close(actual: object, expected: object, dtype: torch.dtype) -> None:
    tolerance = TOLERANCES[dtype]
    torch.testing.assert_close(actual, expected, rtol=tolerance, atol=tolerance)


@DTYPES
@pytest.mark.parametrize("factor", [1, 2, 3])
def test_pixel_shuffles(factor: int, dtype: torch.dtype) -> None:
    x = normal(2, 2 * factor**2, 3, 4, dtype=dtype)
    y = normal(2, 2, 3 * factor, 4 * factor, dtype=dtype)
    check(PixelShuffle(factor), torch.nn.PixelShuffle(factor), x)
    check(PixelUnshuffle(factor), torch.nn.PixelUnshuffle(factor), y)
    assert PixelUnshuffle(factor).forward(PixelShuffle(factor).forward(x)).equal(x)
    assert PixelShuffle(factor).forward(x).equal(torch.nn.PixelShuffle(factor)(x))


@DTYPES
@pytest.mark.parametrize("parameters", [1, 3])
@pytest.mark.parametrize("init", [0.25, 0.0, -2.0])
def test_prelu(parameters: int, init: float, dtype: torch.dtype) -> None:
    layer, reference = PReLU(parameters, init), torch.nn.PReLU(parameters, init)
    torch.testing.assert_close(layer.state_dict(), dict(reference.state_dict()), rtol=0, atol=0)
    x = normal(2, 3, 4, 5, dtype=dtype)
    x[0, 0, 0] = 0  # the slope at the kink is torch's too
    check(layer, reference, x)


@DTYPES
@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu(approximate: str, dtype: torch.dtype) -> None:
    x = torch.cat([4 * normal(500, dtype=dtype), torch.tensor([0.0, 40, -40], dtype=dtype)])
    check(GELU(approximate), torch.nn.GELU(approximate), x)


OPTIONS: list[dict[str, Any]] = [
    {},
    {"eps": 1e-2, "momentum": 0.3},
    {"momentum": 0.0},
    {"momentum": 1.0},
    {"affine": False},
    {"track_running_stats": False},
    {"affine": False, "track_running_stats": False},
]


@DTYPES
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_batch_norm2d(options: dict[str, Any], dtype: torch.dtype) -> None:
    """Over several steps in training mode, with evaluation between them."""
    layer, reference = BatchNorm2d(3, **options), torch.nn.BatchNorm2d(3, **options)
    torch.testing.assert_close(layer.state_dict(), dict(reference.state_dict()), rtol=0, atol=0)
    for parameter in layer.param():
        parameter.set_value(normal(3, dtype=dtype, seed=9))
    for step in range(4):
        x = 2 * normal(4, 3, 5, 6, dtype=dtype, seed=step) + torch.arange(3)[:, None, None]
        check(layer.train(), reference.train(), x)  # each goes forward twice
        with torch.no_grad():
            reference(x)
        assert list(layer.state_dict()) == list(reference.state_dict())
        for name, value in reference.state_dict().items():
            torch.testing.assert_close(
                layer.state_dict()[name], value, rtol=TOLERANCES[dtype], atol=TOLERANCES[dtype]
            )
        with torch.no_grad():
            expected = reference.eval()(x)
        tolerance = TOLERANCES[dtype]
        torch.testing.assert_close(
            layer.eval().forward(x), expected, rtol=tolerance, atol=tolerance
        )
    if layer.track_running_stats:
        assert layer.buffers["num_batches_tracked"].equal(torch.tensor(8))


def test_batch_norm2d_of_a_single_image() -> None:
    x = normal(3, 5, 6, dtype=torch.float32)
    expected = torch.nn.BatchNorm2d(3)(x[None])[0]
    torch.testing.assert_close(BatchNorm2d(3).forward(x), expected.detach())


@DTYPES
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 0, 3, 1)], ids=["nchw", "hnwc"])
def test_batch_norm2d_of_many_pixels(order: tuple[int, ...], dtype: torch.dtype) -> None:
    """More than are squared at once, with gaps between the lines, in the order of convolutions."""
    shape = (2, 3, 200, 131)
    memory = normal(*(shape[axis] for axis in order), dtype=dtype)
    x = memory.permute([order.index(axis) for axis in range(4)])[..., :128]
    assert x.numel() > SQUARES_AT_ONCE
    layer, reference = BatchNorm2d(3), torch.nn.BatchNorm2d(3)
    check(layer, reference, x)  # each goes forward twice
    reference(x)
    close(layer.state_dict(), dict(reference.state_dict()), dtype)


def test_batch_norm2d_far_from_zero() -> None:
    """The variance is that of the differences from the mean: none is lost by cancellation."""
    x = 1000 + normal(4, 3, 5, 6, dtype=torch.float32)
    layer, exact = BatchNorm2d(3), BatchNorm2d(3).to(torch.float64)
    y, expected = layer.forward(x), exact.forward(x.double())
    grad_y = normal(4, 3, 5, 6, dtype=torch.float32, seed=2)
    torch.testing.assert_close(y.double(), expected, rtol=0, atol=2e-3)
    for actual, right in zip(
        (layer.backward(grad_y), *(parameter.gradient for parameter in layer.param())),
        (exact.backward(grad_y.double()), *(parameter.gradient for parameter in exact.param())),
        strict=True,
    ):
        torch.testing.assert_close(actual.double(), right, rtol=0, atol=2e-3)


def test_an_activation_may_overwrite_what_it_is_given() -> None:
    """Batch normalisation and a residual block keep their output nowhere."""
    x = normal(2, 2, 4, 3, dtype=torch.float64)
    before = x.clone()
    model = Sequential(BatchNorm2d(2), ReLU(), Residual(Sequential()), ReLU())
    reference = torch.nn.Sequential(
        *(torch.nn.BatchNorm2d(2), torch.nn.ReLU()),
        *(TorchResidual(torch.nn.Sequential(), 1.0), torch.nn.ReLU()),
    )
    check(model, reference, x)
    assert x.equal(before)


class TorchResidual(torch.nn.Module):
    def __init__(self, body: torch.nn.Module, factor: float) -> None:
        super().__init__()
        self.body = body
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.factor * self.body(x)
        return y


@DTYPES
@pytest.mark.parametrize(
    ("options", "factor"),
    [
        ({}, 1.0),
        ({"sign": "minus"}, -1.0),
        ({"scale": 0.1}, 0.1),
        ({"scale": 2, "sign": "minus"}, -2.0),
    ],
    ids=str,
)
def test_residual(options: dict[str, Any], factor: float, dtype: torch.dtype) -> None:
    body = Sequential(Conv2d(2, 3, 3, padding=1), BatchNorm2d(3), ReLU(), Conv2d(3, 2, 1))
    same = torch.nn.Sequential(
        torch.nn.Conv2d(2, 3, 3, padding=1),
        torch.nn.BatchNorm2d(3),
        torch.nn.ReLU(),
        torch.nn.Conv2d(3, 2, 1),
    )
    model, reference = Residual(body, **options), TorchResidual(same, factor)
    assert list(model.state_dict()) == list(reference.state_dict())
    assert list(model.state_dict())[:4] == [
        "body.0.weight",
        "body.0.bias",
        "body.1.weight",
        "body.1.bias",
    ]
    check(model, reference, normal(2, 2, 5, 6, dtype=dtype))
