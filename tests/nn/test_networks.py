"""Networks drawn at random against the same ones in torch.nn."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tests.draws import draws
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
from zoo.optim import SGD, Adam
from zoo.testing import check_against_torch, check_training_against_torch, torch_equivalent

Shape = tuple[int, ...]

LARGEST = 12  # pixels along each axis
SEVERAL = draws(30)

# torch says so once for each process where "same" needs one zero more on one side.
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'")


def pairs(low: int, high: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(low, high), st.integers(low, high))


@st.composite
def channels(draw: st.DrawFn, shape: Shape) -> dict[str, Any]:
    groups = draw(st.sampled_from([n for n in (1, 2, 3) if shape[0] % n == 0]))
    out_channels = groups * draw(st.integers(1, 2))
    return {"in_channels": shape[0], "out_channels": out_channels, "groups": groups}


@st.composite
def conv2ds(draw: st.DrawFn, shape: Shape) -> Module:
    """A convolution whose kernel fits into an input of that shape."""
    options = draw(channels(shape))
    if draw(st.booleans()):
        return Conv2d(kernel_size=draw(pairs(1, 4)), padding="same", **options)
    ph, pw = draw(pairs(0, 2))
    kernel = (
        draw(st.integers(1, min(4, shape[1] + 2 * ph))),
        draw(st.integers(1, min(4, shape[2] + 2 * pw))),
    )
    stride = draw(pairs(1, 2))
    return Conv2d(kernel_size=kernel, stride=stride, padding=(ph, pw), **options)


@st.composite
def conv_transpose2ds(draw: st.DrawFn, shape: Shape) -> Module:
    """A transposed convolution that shrinks no input to nothing."""
    kernel, stride = draw(pairs(1, 3)), draw(pairs(1, 2))
    return ConvTranspose2d(
        kernel_size=kernel,
        stride=stride,
        padding=((kernel[0] - 1) // 2, (kernel[1] - 1) // 2),
        output_padding=(draw(st.integers(0, stride[0] - 1)), draw(st.integers(0, stride[1] - 1))),
        bias=draw(st.booleans()),
        **draw(channels(shape)),
    )


@st.composite
def upsamplings(draw: st.DrawFn, shape: Shape) -> Module:
    size = draw(st.integers(1, 3))
    scale_factor = draw(pairs(1, 2))
    return Upsampling(
        kernel_size=size, padding=size // 2, scale_factor=scale_factor, **draw(channels(shape))
    )


def layers(shape: Shape) -> st.SearchStrategy[Module]:
    """A layer for inputs of that shape; one that may enlarge them only where there is room."""
    kinds: list[st.SearchStrategy[Module]] = [
        conv2ds(shape),
        st.builds(Linear, st.just(shape[-1]), st.integers(1, 6), st.booleans()),
        st.builds(ReLU),
        st.builds(Sigmoid),
    ]
    if max(shape[1:]) <= LARGEST // 2:
        kinds += [
            conv_transpose2ds(shape),
            upsamplings(shape),
            st.builds(NearestUpsampling, pairs(1, 2)),
        ]
    return st.one_of(kinds)


@st.composite
def networks(draw: st.DrawFn) -> tuple[Sequential, Tensor]:
    """A network of two to six layers in float64, and a batch for it."""
    input_shape: Shape = (draw(st.integers(1, 3)), *draw(pairs(3, 7)))
    shape = input_shape
    modules: list[Module] = []
    seed = draw(st.integers(0, 1000))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for _ in range(draw(st.integers(2, 6))):
            modules.append(draw(layers(shape)))
            shape = modules[-1].output_shape(shape)
        x = torch.randn(draw(st.integers(1, 3)), *input_shape, dtype=torch.float64)
    return Sequential(*modules).to(torch.float64), x


@SEVERAL
@given(networks())
def test_outputs_and_gradients(network: tuple[Sequential, Tensor]) -> None:
    model, x = network
    check_against_torch(model, torch_equivalent(model), x)


@pytest.mark.parametrize(
    ("optimizer", "reference"),
    [
        (
            partial(SGD, lr=0.02, momentum=0.9, nesterov=True),
            partial(torch.optim.SGD, lr=0.02, momentum=0.9, nesterov=True),
        ),
        (partial(Adam, lr=0.01), partial(torch.optim.Adam, lr=0.01)),
    ],
    ids=["sgd", "adam"],
)
@SEVERAL
@given(network=networks())
def test_values_after_20_steps(
    network: tuple[Sequential, Tensor],
    optimizer: Callable[..., Any],
    reference: Callable[[Iterable[Tensor]], torch.optim.Optimizer],
) -> None:
    model, x = network
    if not model.param():
        model = Sequential(Linear(x.shape[-1], x.shape[-1]), *model).to(torch.float64)
    generator = torch.Generator().manual_seed(0)
    target = torch.randn(model.forward(x).shape, dtype=torch.float64, generator=generator)
    check_training_against_torch(model, optimizer, reference, x, target, tolerance=1e-8)


@SEVERAL
@given(networks())
def test_the_shape_of_the_output_is_known_beforehand(network: tuple[Sequential, Tensor]) -> None:
    model, x = network
    assert model.forward(x).shape == (len(x), *model.output_shape(x.shape[1:]))
