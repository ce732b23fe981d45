"""Plans of convolutions against the textbook's layers, with arguments drawn at random."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor

from tests.draws import draws
from tests.engine.conv.grid_maps import DTYPE
from tests.engine.conv.products import assert_close
from zoo.engine.conv.convolution import Convolution
from zoo.engine.conv.gemm_chw import GemmCHW
from zoo.engine.conv.gemm_nhwc import GemmNHWC
from zoo.engine.conv.kernel import identity
from zoo.engine.conv.plans import (
    MIN_FAST_MACS,
    Weight,
    plan_conv2d,
    plan_conv_transpose2d,
    plan_upsampling,
    use_fast_path,
)
from zoo.engine.conv_layer import set_memory_format
from zoo.errors import ArgumentError, ShapeError
from zoo.nn import Conv2d, ConvTranspose2d, Parameter, Upsampling

Layer = Conv2d | ConvTranspose2d | Upsampling

SEVERAL = draws(80)
FEW, MANY = 3, 6  # channels


def pairs(low: int, high: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(low, high), st.integers(low, high))


CHANNELS = {
    "in_channels": st.sampled_from([1, FEW, MANY]),
    "out_channels": st.sampled_from([1, FEW, MANY]),
    "kernel_size": pairs(1, 5),
    "bias": st.booleans(),
}
LAYERS: dict[type[Layer], st.SearchStrategy[dict[str, Any]]] = {
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


def plan(layer: Layer, x: Tensor, triton: bool = False) -> Convolution:
    """How the layer is computed for inputs of x's shape."""
    y_shape = layer.output_shape(x.shape[1:])
    images = len(x), (x.shape[2], x.shape[3]), (y_shape[1], y_shape[2])
    weight = Weight(tuple(parameters(layer)[0].value.shape), triton)
    if isinstance(layer, Upsampling):
        scale, padding = layer.upsample.scale_factor, layer.convolution.padding
        return plan_upsampling(*images, weight, scale, padding)
    if isinstance(layer, Conv2d):
        return plan_conv2d(*images, weight, layer.stride, layer.padding, layer.dilation)
    return plan_conv_transpose2d(*images, weight, layer.stride, layer.padding, layer.dilation)


def parameters(layer: Layer) -> tuple[Parameter, Parameter | None]:
    """The layer's weight and bias."""
    own = {name.rpartition(".")[2]: parameter for name, parameter in layer.named_parameters()}
    return own["weight"], own.get("bias")


def check_plan(layer: Layer, chosen: Convolution, x: Tensor) -> None:
    """The output and all gradients of one pass, and the parameters' after a second pass back."""
    y = layer.forward(x)
    grad_y = torch.randn_like(y)
    layer.zero_grad()
    grad_x = layer.backward(grad_y)
    expected = [parameter.gradient.clone() for parameter in layer.param()]

    weight, bias = parameters(layer)
    for parameter in layer.param():  # what is there before the first gradient does not count
        parameter.gradient = torch.full_like(parameter.value, torch.nan)
        parameter.zero_gradient()
    found, packed = chosen.forward(x, weight, bias, identity)
    assert_close(found, y)
    found_x = chosen.backward(grad_y, packed, weight, bias)
    assert found_x is not None
    assert_close(found_x, grad_x)
    for parameter, gradient in zip(layer.param(), expected, strict=True):
        assert_close(parameter.gradient, gradient)
    nothing = chosen.backward(-3 * grad_y, packed, weight, bias, input_gradient=False)
    assert nothing is None
    for parameter, gradient in zip(layer.param(), expected, strict=True):
        assert_close(parameter.gradient, -2 * gradient)


def drawn(kind: type[Layer], options: dict[str, Any], size: tuple[int, int], n: int) -> Any:
    """(layer, images), both random; skips arguments that are impossible."""
    generator = torch.Generator().manual_seed(0)
    try:
        layer = kind(**options, generator=generator).to(DTYPE)
        layer.output_shape((options["in_channels"], *size))
    except (ArgumentError, ShapeError):
        assume(False)
    return layer, torch.randn(n, options["in_channels"], *size, dtype=DTYPE, generator=generator)


@pytest.mark.usefixtures("taps_side_by_side")
@pytest.mark.parametrize("kind", LAYERS, ids=lambda kind: kind.__name__)
def test_plans_give_the_textbooks_results(kind: type[Layer]) -> None:
    seen = set()

    @SEVERAL
    @given(LAYERS[kind], pairs(1, 9), st.integers(1, 3), st.booleans())
    def check(options: dict[str, Any], size: tuple[int, int], n: int, reordered: bool) -> None:
        layer, x = drawn(kind, options, size, n)
        if reordered:  # plans may not count on the order of the weight in memory
            set_memory_format(parameters(layer)[0], (1, 0, 3, 2))
        chosen = plan(layer, x)
        seen.add(type(chosen.kernel))
        check_plan(layer, chosen, x)

    check()
    assert seen == {GemmNHWC, GemmCHW}


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Conv2d(MANY, 8, 4, padding="same"), (2, MANY, 6, 5)),
        (Conv2d(FEW, 8, (2, 4), padding="same", dilation=3), (2, FEW, 6, 5)),
        (Upsampling(MANY, 8, (4, 2), padding="same"), (2, MANY, 3, 5)),
    ],
)
def test_one_zero_more_at_the_bottom_and_right(layer: Layer, shape: tuple[int, ...]) -> None:
    x = torch.randn(shape, dtype=DTYPE)
    check_plan(layer, plan(layer.to(DTYPE), x), x)


def test_little_work_is_left_to_the_textbook() -> None:
    weight = torch.empty(32, 16, 3, 3)  # 4608 numbers
    most = MIN_FAST_MACS // weight.numel()
    assert not use_fast_path(most, weight)
    assert use_fast_path(most + 1, weight)
