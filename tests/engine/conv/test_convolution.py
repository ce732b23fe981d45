"""The fast operators of layers against the textbook ones, with arguments drawn at random."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.engine.conv.grid_maps import DTYPE
from tests.engine.conv.products import assert_close
from zoo.errors import ArgumentError, ShapeError
from zoo.nn import Conv2d, ConvTranspose2d, Upsampling
from zoo.nn.convolution import Convolution, Operator
from zoo.engine.conv import convolution
from zoo.engine.conv.convolution import TransposedConv, StridedConv
from zoo.engine.conv.gemm_chw import GemmCHW
from zoo.engine.conv.gemm_nhwc import GemmNHWC
from zoo.nn.parameter import Parameter

pytestmark = pytest.mark.usefixtures("taps_side_by_side")

SEVERAL = settings(max_examples=80, derandomize=True, deadline=None)
TEXTBOOK, FAST = 2**60, 0  # as convolution.MIN_FAST_MACS
FEW, MANY = 3, 6  # channels


def pairs(low: int, high: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(low, high), st.integers(low, high))


CHANNELS = {
    "in_channels": st.sampled_from([1, FEW, MANY]),
    "out_channels": st.sampled_from([1, FEW, MANY]),
    "kernel_size": pairs(1, 5),
    "bias": st.booleans(),
}
LAYERS: dict[type[Conv2d | ConvTranspose2d | Upsampling], st.SearchStrategy[dict[str, Any]]] = {
    Conv2d: st.fixed_dictionaries(
        {**CHANNELS, "stride": pairs(1, 3), "padding": pairs(0, 3), "dilation": pairs(1, 2)}
    )
    | st.fixed_dictionaries({**CHANNELS, "padding": st.just("same"), "dilation": pairs(1, 2)}),
    ConvTranspose2d: st.fixed_dictionaries(
        {
            **CHANNELS,
            "stride": pairs(1, 3),
            "padding": pairs(0, 2),
            "output_padding": pairs(0, 1),
            "dilation": pairs(1, 2),
        }
    ),
    Upsampling: st.fixed_dictionaries(
        {**CHANNELS, "padding": pairs(0, 3) | st.just("same"), "scale_factor": pairs(1, 3)}
    ),
}


def operator(layer: Convolution, x: Tensor, little_work: int) -> Operator:
    """The operator for inputs of x's shape, where that many multiply-adds are few."""
    size, y_shape = (x.shape[2], x.shape[3]), layer.output_shape(x.shape[1:])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convolution, "MIN_FAST_MACS", little_work)
        return layer.operator(len(x), size, (y_shape[1], y_shape[2]))


def parameters(layer: Convolution) -> tuple[Parameter, Parameter | None]:
    """The layer's weight and bias."""
    own = {name.rpartition(".")[2]: parameter for name, parameter in layer.named_parameters()}
    return own["weight"], own.get("bias")


def results(layer: Convolution, chosen: Operator, x: Tensor, grad_y: Tensor) -> list[Tensor]:
    """The output and all gradients of one pass, and the parameters' after a second pass back."""
    weight, bias = parameters(layer)
    for parameter in layer.param():  # what is there before the first gradient does not count
        parameter.gradient = torch.full_like(parameter.value, torch.nan)
        parameter.zero_gradient()
    y, stored = chosen.forward(x, weight, bias)
    grad_x = chosen.backward(grad_y, stored, weight, bias, input_gradient=True)
    assert grad_x is not None
    found = [y, grad_x, *(parameter.gradient.clone() for parameter in layer.param())]
    assert chosen.backward(-3 * grad_y, stored, weight, bias, input_gradient=False) is None
    return [*found, *(parameter.gradient for parameter in layer.param())]


@pytest.mark.parametrize("kind", LAYERS, ids=lambda kind: kind.__name__)
def test_the_fast_form_gives_the_textbooks_results(
    kind: type[Conv2d | ConvTranspose2d | Upsampling],
) -> None:
    seen = set()

    @SEVERAL
    @given(LAYERS[kind], pairs(1, 9), st.integers(1, 3), st.booleans())
    def check(options: dict[str, Any], size: tuple[int, int], n: int, reordered: bool) -> None:
        generator = torch.Generator().manual_seed(0)
        try:
            layer = kind(**options, generator=generator).to(DTYPE)
            shape = layer.output_shape((options["in_channels"], *size))
        except (ArgumentError, ShapeError):
            assume(False)
        if reordered:  # the fast forms may not count on the order of the weight in memory
            parameters(layer)[0].order_in_memory(1, 0, 3, 2)
        x = torch.randn(n, options["in_channels"], *size, dtype=DTYPE, generator=generator)
        grad_y = torch.randn(n, *shape, dtype=DTYPE, generator=generator)
        fast = operator(layer, x, FAST)
        if isinstance(fast, StridedConv | TransposedConv):
            seen.add(type(fast.kernel))
        found = results(layer, fast, x, grad_y)
        expected = results(layer, operator(layer, x, TEXTBOOK), x, grad_y)
        for mine, textbooks in zip(found, expected, strict=True):
            assert_close(mine, textbooks)

    check()
    assert seen == {GemmNHWC, GemmCHW}


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        (Conv2d(MANY, 8, 4, padding="same"), torch.ones(2, MANY, 6, 5)),
        (Conv2d(FEW, 8, (2, 4), padding="same", dilation=3), torch.ones(2, FEW, 6, 5)),
        (Upsampling(MANY, 8, (4, 2), padding="same"), torch.ones(2, MANY, 3, 5)),
    ],
)
def test_one_zero_more_at_the_bottom_and_right(layer: Convolution, x: Tensor) -> None:
    layer.to(DTYPE)
    x = torch.randn_like(x, dtype=DTYPE)
    grad_y = torch.randn(2, *layer.output_shape(x.shape[1:]), dtype=DTYPE)
    fast, textbook = operator(layer, x, FAST), operator(layer, x, TEXTBOOK)
    assert type(fast) is not type(textbook)
    for mine, textbooks in zip(
        results(layer, fast, x, grad_y), results(layer, textbook, x, grad_y), strict=True
    ):
        assert_close(mine, textbooks)


def test_groups_and_little_work_are_left_to_the_textbook() -> None:
    x = torch.ones(2, MANY, 6, 5)
    fast = (StridedConv, TransposedConv)
    assert isinstance(operator(Conv2d(MANY, MANY, 3), x, FAST), fast)
    assert not isinstance(operator(Conv2d(MANY, MANY, 3, groups=2), x, FAST), fast)
    assert isinstance(operator(ConvTranspose2d(MANY, MANY, 3), x, FAST), fast)
    assert not isinstance(operator(ConvTranspose2d(MANY, MANY, 3, groups=2), x, FAST), fast)
    # 2 images of 4 x 3 output pixels, each of MANY x MANY x 9 multiply-adds
    work = 2 * 4 * 3 * MANY * MANY * 9
    assert isinstance(operator(Conv2d(MANY, MANY, 3), x, work), fast)
    assert not isinstance(operator(Conv2d(MANY, MANY, 3), x, work + 1), fast)
