"""The three products of a form against their definitions.

Each check runs a form on two images, one after the other: what the first left must not matter.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tests.nn.fast.maps import TOLERANCE, Map, sums_ahead, sums_behind


def check_reduce(case: Map) -> None:
    """low = bias + the sum over taps."""
    form, bias = case.form, case.low_bias
    for high in (case.high, -2 * case.high.flip(3)):
        operand = form.operand(form.store_high(high))
        expected = case.reduced(high)
        assert_close(form.reduce(operand, case.weight, bias), expected + bias[:, None, None])
        assert_close(form.reduce(operand, case.weight, None), expected)


def check_expand(case: Map) -> None:
    """high = bias + the sum over taps."""
    form, bias, expected = case.form, case.high_bias, case.expanded()
    for factor in (1, -2):
        low = form.store_low(factor * case.low)
        found = form.expand(low, case.weight, bias)
        assert_close(found, factor * expected + bias[:, None, None])
        assert_close(form.expand(low, case.weight, None), factor * expected)


def check_boxed_expand(case: Map) -> None:
    """high = bias + the sum over taps, of which s x s pixels are added up."""
    form, bias = case.form, case.high_bias
    expected = sums_ahead(case.expanded(), stride(case))
    for factor in (1, -2):
        low = form.store_low(factor * case.low)
        found = form.expand(low, case.weight, bias, boxed=True)
        assert_close(found, factor * expected + bias[:, None, None])
        assert_close(form.expand(low, case.weight, None, boxed=True), factor * expected)


def check_weight_gradient(case: Map, boxed: bool = False) -> None:
    """The gradient is written over whatever there was, or added to it; so is the bias's."""
    form, low = case.form, case.form.store_low(case.low)
    for high in (case.high, -2 * case.high.flip(3)):
        image, whole = high, high
        if boxed:
            image = sums_ahead(high, stride(case))  # of the image's size, with other numbers
            whole = sums_behind(image, stride(case))
        stored = form.store_high(image, boxed)
        assert_close(form.high_pixels(stored, boxed).flatten(0, -2).sum(0), image.sum((0, 2, 3)))
        expected = case.weight_gradient(whole)
        gradient = torch.full_like(case.weight, torch.nan)
        form.weight_gradient(gradient, low, form.operand(stored), add=False)
        assert_close(gradient, expected)
        form.weight_gradient(gradient, low, form.operand(stored), add=True)
        assert_close(gradient, 2 * expected)


def check_boxed_reduce(case: Map) -> None:
    """low = the sum over taps of an image whose pixels are sums of s x s pixels."""
    form = case.form
    for sign in (1, -1):
        image = sign * sums_ahead(case.high, stride(case))
        operand = form.operand(form.store_high(image, boxed=True))
        expected = case.reduced(sums_behind(image, stride(case)))
        assert_close(form.reduce(operand, case.weight, None), expected)


def share_of_zeros_that_count(case: Map) -> float:
    """How many of the zeros in the stored high image would be noticed if they were not zero."""
    stored = case.form.store_high(case.high)
    zeros = (stored == 0).nonzero().tolist()
    noticed = 0
    for place in zeros:
        spoilt = stored.clone()
        spoilt[tuple(place)] = torch.nan
        low = case.form.reduce(case.form.operand(spoilt), case.weight, None)
        noticed += bool(low.isnan().any())
    return noticed / len(zeros)


def stride(case: Map) -> tuple[int, int]:
    return case.form.rows.stride, case.form.columns.stride


def assert_close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=TOLERANCE, atol=TOLERANCE)
