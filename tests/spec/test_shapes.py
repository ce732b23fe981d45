"""zoo.spec.arguments and zoo.spec.shapes: integers and pairs, and the sizes of outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from zoo.errors import ArgumentError, ShapeError
from zoo.spec.arguments import pair, positive_int
from zoo.spec.shapes import Pair, convolution, format_shape, image, transposed_convolution, window


class Three:
    """An integer by its __index__, as numpy's are."""

    def __index__(self) -> int:
        return 3


@pytest.mark.parametrize("value", [1, 7])
def test_positive_int_gives_the_integer(value: int) -> None:
    assert positive_int("Layer", "name", value) == value


def test_positive_int_gives_a_plain_integer() -> None:
    number = positive_int("Layer", "name", Three())
    assert (type(number), number) == (int, 3)


@pytest.mark.parametrize("value", [0, -1, 1.0, "1", True, None, (1,), [1], float("nan")], ids=repr)
def test_positive_int_refuses_the_rest(value: Any) -> None:
    with pytest.raises(ArgumentError) as caught:
        positive_int("Layer", "name", value)
    assert str(caught.value) == f"Layer: name is {value!r}. Use an integer >= 1."


@pytest.mark.parametrize(
    ("value", "expected"),
    [(2, (2, 2)), ((1, 3), (1, 3)), ([4, 2], (4, 2)), (Three(), (3, 3)), ((Three(), 1), (3, 1))],
    ids=["integer", "tuple", "list", "index", "tuple of index"],
)
def test_pair_gives_a_pair(value: Any, expected: tuple[int, int]) -> None:
    assert pair("Layer", "name", value) == expected


@pytest.mark.parametrize(
    "value",
    [0, (1, 0), (0, 1), (1,), (1, 1, 1), (), "12", {1, 2}, {1: 2}, (1, "2"), (True, 1), None, 2.0],
    ids=repr,
)
def test_pair_refuses_the_rest(value: Any) -> None:
    with pytest.raises(ArgumentError) as caught:
        pair("Layer", "name", value)
    assert str(caught.value) == f"Layer: name is {value!r}. Use an integer >= 1 or a pair of them."


def test_pair_knows_another_minimum() -> None:
    assert pair("Layer", "name", 0, minimum=0) == (0, 0)
    with pytest.raises(ArgumentError) as caught:
        pair("Layer", "name", (0, -1), minimum=0)
    assert str(caught.value) == "Layer: name is (0, -1). Use an integer >= 0 or a pair of them."


def test_an_image_has_a_size() -> None:
    assert image("Layer", (3, 4, 5)) == image("Layer", [3, 4, 5], channels=3) == (4, 5)


@pytest.mark.parametrize(
    ("shape", "channels", "message"),
    [
        ((4, 5), None, "the input is (4, 5). Use (N, C, H, W) or (C, H, W)."),
        ([2, 3, 4, 5], 3, "the input is (2, 3, 4, 5). Use (N, 3, H, W) or (3, H, W)."),
        ((3, 4, 5), 1, "expects 1 channel; the input has 3."),
        ((1, 4, 5), 3, "expects 3 channels; the input has 1."),
    ],
)
def test_what_is_no_image(shape: Sequence[int], channels: int | None, message: str) -> None:
    with pytest.raises(ShapeError) as caught:
        image("Layer", shape, channels)
    assert str(caught.value) == f"Layer: {message}"


def test_shapes_in_messages() -> None:
    assert [format_shape(shape) for shape in ((3, 32, 16), [4, 5], (7,))] == ["3x32x16", "4x5", "7"]


def test_window() -> None:
    assert window((1, 3), (5, 1)) == (1, 3)
    assert window((2, 3), (3, 4)) == (4, 9)


@pytest.mark.parametrize("size", [(7, 8), (9, 7)], ids=str)
@pytest.mark.parametrize("kernel", [(1, 2), (3, 3)], ids=str)
@pytest.mark.parametrize("stride", [(1, 2), (3, 2)], ids=str)
@pytest.mark.parametrize("dilation", [(1, 2), (3, 1)], ids=str)
def test_sizes_are_torchs(
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
) -> None:
    x, weight = torch.zeros(1, 1, *size), torch.zeros(1, 1, *kernel)
    expected = torch.nn.functional.conv2d(x, weight, None, stride, 0, dilation)
    assert convolution("Layer", size, kernel, stride, (0, 0, 0, 0), dilation) == expected.shape[2:]
    expected = torch.nn.functional.conv_transpose2d(
        x, weight, None, stride, (1, 0), (0, 1), 1, dilation
    )
    actual = transposed_convolution("Layer", size, kernel, stride, (1, 0), (0, 1), dilation)
    assert actual == expected.shape[2:]


def test_a_kernel_may_just_fit() -> None:
    assert convolution("Layer", (4, 1), (3, 3), (2, 2), (0, 1, 2, 0), (2, 1)) == (1, 1)


@pytest.mark.parametrize(
    ("size", "dilation", "words"),
    [
        ((3, 1), (2, 1), "kernel 5x3 (with dilation) is larger than the padded input 4x3"),
        ((4, 0), (2, 1), "kernel 5x3 (with dilation) is larger than the padded input 5x2"),
        ((1, 1), (1, 1), "kernel 3x3 is larger than the padded input 2x3"),
    ],
    ids=str,
)
def test_a_kernel_may_be_too_large(size: Pair, dilation: Pair, words: str) -> None:
    with pytest.raises(ShapeError) as caught:
        convolution("Layer", size, (3, 3), (1, 1), (0, 1, 2, 0), dilation)
    assert str(caught.value) == (
        f"Layer: {words}. Use a smaller kernel, more padding or a larger input."
    )


def test_padding_may_leave_one_pixel() -> None:
    assert transposed_convolution("L", (1, 1), (3, 3), (1, 1), (1, 1), (0, 0), (1, 1)) == (1, 1)


def test_padding_may_leave_nothing() -> None:
    with pytest.raises(ShapeError) as caught:
        transposed_convolution("Layer", (1, 3), (3, 3), (2, 2), (1, 4), (0, 1), (1, 1))
    assert str(caught.value) == (
        "Layer: padding 1x4 leaves an output of 1x0 from an input of 1x3. "
        "Use less padding or a larger input."
    )


@pytest.mark.parametrize("size", [(0, 3), (3, 0)], ids=str)
def test_an_empty_image_cannot_be_transposed(size: tuple[int, int]) -> None:
    with pytest.raises(ShapeError) as caught:
        transposed_convolution("Layer", size, (3, 3), (1, 1), (0, 0), (0, 0), (1, 1))
    assert str(caught.value) == (
        f"Layer: the input is {size[0]}x{size[1]}. Use at least one pixel."
    )
