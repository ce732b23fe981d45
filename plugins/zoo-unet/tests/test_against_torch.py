"""Outputs, gradients and states of the layers against those of torch.nn's."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest
import torch
from torch import Tensor

from zoo.engine import lower
from zoo.nn import Conv2d, Module, ReLU, Sequential
from zoo.testing import check_against_torch

pytest.importorskip("zoo_unet", reason="zoo-unet is not installed")

from zoo_unet.leaky_relu import LeakyReLU
from zoo_unet.max_pool2d import MaxPool2d
from zoo_unet.reflect_pad import ReflectPad
from zoo_unet.skip import Skip

# |difference| <= tolerance (1 + |expected|)
TOLERANCES = {torch.float32: 1e-5, torch.float64: 1e-10}
DTYPES = pytest.mark.parametrize("dtype", TOLERANCES, ids=["float32", "float64"])


def normal(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def check(module: Module, reference: torch.nn.Module, x: Tensor) -> None:
    reference.to(x.dtype)
    check_against_torch(module.to(x.dtype), reference, x, TOLERANCES[x.dtype])


def gradients(module: Module, reference: torch.nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """The input's gradient by hand, and by autograd."""
    leaf = x.clone().requires_grad_()
    y = reference(leaf)
    grad_y = normal(*y.shape, dtype=x.dtype, seed=2)
    y.backward(grad_y)
    assert leaf.grad is not None
    module.forward(x)
    return module.backward(grad_y), leaf.grad


@DTYPES
@pytest.mark.parametrize("slope", [0.01, 0.1, 0.0, 1, -2.0])
def test_leaky_relu(slope: float, dtype: torch.dtype) -> None:
    x = normal(2, 3, 4, 5, dtype=dtype)
    x[0, 0] = 0  # the slope at the kink is torch's too
    check(LeakyReLU(slope), torch.nn.LeakyReLU(slope), x)
    assert LeakyReLU(slope).forward(x).equal(torch.nn.LeakyReLU(slope)(x))
    assert torch.equal(*gradients(LeakyReLU(slope), torch.nn.LeakyReLU(slope), x))


@pytest.mark.parametrize("slope", [0.01, 0.0, 3.0, -2.0])
def test_leaky_relu_of_what_is_not_finite(slope: float) -> None:
    x = torch.tensor([nan, inf, -inf, 1.0])
    layer, reference = LeakyReLU(slope), torch.nn.LeakyReLU(slope)
    torch.testing.assert_close(layer.forward(x), reference(x), rtol=0, atol=0, equal_nan=True)
    hand, automatic = gradients(layer, reference, x)
    assert hand.equal(automatic)


@pytest.mark.parametrize("slope", [0.1, 0.0, 3.0, -2.0])
def test_leaky_relu_between_convolutions(slope: float) -> None:
    model = Sequential(
        *(LeakyReLU(slope), Conv2d(2, 4, 3, padding=1), LeakyReLU(slope)),
        *(Conv2d(4, 3, 3, 2, 1), LeakyReLU(slope), MaxPool2d(2), LeakyReLU(slope)),
    )
    reference = torch.nn.Sequential(
        *(torch.nn.LeakyReLU(slope), torch.nn.Conv2d(2, 4, 3, padding=1)),
        *(torch.nn.LeakyReLU(slope), torch.nn.Conv2d(4, 3, 3, 2, 1), torch.nn.LeakyReLU(slope)),
        *(torch.nn.MaxPool2d(2), torch.nn.LeakyReLU(slope)),
    )
    assert list(model.state_dict()) == ["1.weight", "1.bias", "3.weight", "3.bias"]
    check(model, reference, normal(2, 2, 7, 8, dtype=torch.float64))


POOLINGS: list[dict[str, Any]] = [
    {"kernel_size": 2},
    {"kernel_size": 3},
    {"kernel_size": 1},
    {"kernel_size": 3, "stride": 1, "padding": 1},
    {"kernel_size": (1, 4), "stride": (3, 2), "padding": (0, 2)},
    {"kernel_size": 2, "stride": 3},
    {"kernel_size": 3, "dilation": 2, "padding": 1},
    {"kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 1), "dilation": (1, 3)},
    {"kernel_size": 20, "stride": 1, "padding": 10},  # more taps than a byte can number
]


@DTYPES
@pytest.mark.parametrize("options", POOLINGS, ids=str)
@pytest.mark.parametrize("values", ["different", "tied", "equal", "negative"])
def test_max_pool2d(values: str, options: dict[str, Any], dtype: torch.dtype) -> None:
    """Bit for bit; of several largest values, torch's one has the gradient."""
    x = normal(2, 3, 9, 10, dtype=dtype)
    x = {
        "different": x,
        "tied": x.round(),
        "equal": torch.ones_like(x),
        "negative": -3 - x.abs(),  # zeros around it would be larger
    }[values]
    layer, reference = MaxPool2d(**options), torch.nn.MaxPool2d(**options)
    if values == "tied":
        assert len(x.unique()) < 12
    assert layer.forward(x).equal(reference(x))
    torch.testing.assert_close(*gradients(layer, reference, x))
    check(layer, reference, x)


def test_the_first_of_several_largest_values_has_the_gradient() -> None:
    layer = MaxPool2d(2)
    layer.forward(torch.tensor([[[1.0, 3.0, 0.0, 0.0], [3.0, 3.0, 0.0, 0.0]]]))
    expected = torch.tensor([[[0.0, 5.0, 7.0, 0.0], [0.0, 0.0, 0.0, 0.0]]])
    assert layer.backward(torch.tensor([[[5.0, 7.0]]])).equal(expected)


def test_a_window_that_lies_between_the_pixels() -> None:
    layer = MaxPool2d(2, 1, 1, 3)  # its taps are one pixel above and one pixel below the image
    assert layer.forward(torch.ones(1, 2, 2)).equal(torch.tensor([[[-inf]]]))
    assert layer.backward(torch.ones(1, 1, 1)).equal(torch.zeros(1, 2, 2))


@pytest.mark.parametrize("padding", [0, 1])
def test_max_pool2d_of_what_is_not_finite(padding: int) -> None:
    x = normal(2, 2, 6, 6)
    for place, value in (
        ((0, 0, 0, 1), nan),
        ((0, 0, 1, 0), nan),  # a second one in a window
        ((0, 1, 2, 2), inf),
        ((1, 0, 3, 3), -inf),
    ):
        x[place] = value
    layer, reference = MaxPool2d(3, 2, padding), torch.nn.MaxPool2d(3, 2, padding)
    torch.testing.assert_close(layer.forward(x), reference(x), rtol=0, atol=0, equal_nan=True)
    hand, automatic = gradients(layer, reference, x)
    torch.testing.assert_close(hand, automatic)


class TorchSkip(torch.nn.Module):
    def __init__(self, body: torch.nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((self.body(x), x), dim=1)


class TorchReflectPad(torch.nn.Module):
    def __init__(self, body: torch.nn.Module, bottom: int, right: int) -> None:
        super().__init__()
        self.body = body
        self.sides = (0, right, 0, bottom)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(torch.nn.functional.pad(x, self.sides, mode="reflect"))
        return y[:, :, : x.shape[2], : x.shape[3]]


def convolutions() -> tuple[Sequential, torch.nn.Sequential]:
    body = Sequential(Conv2d(2, 4, 3, padding=1), ReLU(), Conv2d(4, 3, (2, 4), padding="same"))
    same = torch.nn.Sequential(
        torch.nn.Conv2d(2, 4, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.Conv2d(4, 3, (2, 4), padding="same"),
    )
    return body, same


NAMES = ["body.0.weight", "body.0.bias", "body.2.weight", "body.2.bias"]


@DTYPES
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
def test_skip(dtype: torch.dtype) -> None:
    body, same = convolutions()
    assert list(Skip(body).state_dict()) == list(TorchSkip(same).state_dict()) == NAMES
    check(Skip(body), TorchSkip(same), normal(2, 2, 5, 6, dtype=dtype))
    model = Skip(Sequential(body, Skip(Sequential())))
    check(model, TorchSkip(torch.nn.Sequential(same, TorchSkip(torch.nn.Sequential()))),
          normal(2, 2, 5, 6, dtype=dtype))  # fmt: skip


@DTYPES
@pytest.mark.parametrize(("height", "width"), [(5, 7), (6, 9), (8, 5), (8, 8)])
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
def test_reflect_pad(height: int, width: int, dtype: torch.dtype) -> None:
    body, same = convolutions()
    reference = TorchReflectPad(same, -height % 4, -width % 4)
    assert list(ReflectPad(body, 4).state_dict()) == list(reference.state_dict()) == NAMES
    check(ReflectPad(body, 4), reference, normal(2, 2, height, width, dtype=dtype))


@pytest.mark.parametrize(
    ("size", "rows"),
    [(1, [0] * 8), (2, [0, 1] * 4), (3, [0, 1, 2, 1, 0, 1, 2, 1]), (7, [*range(7), 5])],
)
def test_small_images_are_reflected_again_and_again(size: int, rows: list[int]) -> None:
    seen: list[Tensor] = []

    class Looks(Sequential):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(x)
            return x

    x = normal(1, 2, size, size)
    assert ReflectPad(Looks(), 8).forward(x).equal(x)
    assert seen[0].equal(x[:, :, rows][:, :, :, rows])


@pytest.mark.parametrize(
    "layer",
    [MaxPool2d(2), MaxPool2d(3, 1, 1), ReflectPad(Sequential(), 9)],
    ids=["half", "padded", "reflect"],
)
def test_images_keep_the_order_of_their_axes_in_memory(layer: Module) -> None:
    """Copies between two orders are slow, and convolutions have the channels side by side."""
    x = normal(4, 2, 5, 3).permute(1, 3, 0, 2)  # N, C, H, W from H, N, W, C
    fast = lower(layer)
    y = fast.forward(x)
    grad_y = normal(y.shape[2], y.shape[0], y.shape[3], y.shape[1]).permute(1, 3, 0, 2)
    for image in (y, fast.backward(grad_y)):
        assert sorted(range(4), key=image.stride, reverse=True) == [2, 0, 3, 1]


def test_an_activation_may_overwrite_what_skip_gives() -> None:
    x = normal(2, 2, 4, 3)
    before = x.clone()
    model = Sequential(Skip(Sequential()), ReLU(), Skip(Sequential()), LeakyReLU(0.1))
    reference = torch.nn.Sequential(
        *(TorchSkip(torch.nn.Sequential()), torch.nn.ReLU()),
        *(TorchSkip(torch.nn.Sequential()), torch.nn.LeakyReLU(0.1)),
    )
    check(model, reference, x)
    assert x.equal(before)
