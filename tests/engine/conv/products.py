"""The three products of a kernel against their definitions.

Each check runs a kernel on two images, one after the other: what the first left must not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from hypothesis import given
from torch import Tensor

from tests.draws import draws
from tests.engine.conv.grid_maps import TOLERANCE, Map, maps, sums_ahead, sums_behind
from zoo.engine.conv.kernel import ConvKernel
from zoo.engine.conv.triton_conv import TritonConv, is_supported


def check_fprop(case: Map) -> None:
    """coarse = bias + the sum over taps."""
    kernel, bias = case.kernel, case.coarse_bias
    for fine in (case.fine, -2 * case.fine.flip(3)):
        operand = kernel.gemm_operand(kernel.pack_fine(fine))
        expected = case.fprop(fine)
        assert_close(kernel.fprop(operand, case.weight, bias), expected + bias[:, None, None])
        assert_close(kernel.fprop(operand, case.weight, None), expected)


def check_dgrad(case: Map) -> None:
    """fine = bias + the sum over taps."""
    kernel, bias, expected = case.kernel, case.fine_bias, case.dgrad()
    for factor in (1, -2):
        coarse = kernel.pack_coarse(factor * case.coarse)
        found = kernel.dgrad(coarse, case.weight, bias)
        assert_close(found, factor * expected + bias[:, None, None])
        assert_close(kernel.dgrad(coarse, case.weight, None), factor * expected)


def check_upsampled_dgrad(case: Map) -> None:
    """fine = bias + the sum over taps, of which s x s pixels are added up."""
    kernel, bias = case.kernel, case.fine_bias
    expected = sums_ahead(case.dgrad(), stride(case))
    for factor in (1, -2):
        coarse = kernel.pack_coarse(factor * case.coarse)
        found = kernel.dgrad(coarse, case.weight, bias, upsampled=True)
        assert_close(found, factor * expected + bias[:, None, None])
        assert_close(kernel.dgrad(coarse, case.weight, None, upsampled=True), factor * expected)


def check_wgrad(case: Map) -> None:
    """The gradient is written over whatever there was, or added to it; so is the bias's."""
    _check_wgrad(case, upsampled=False)


def check_upsampled_wgrad(case: Map) -> None:
    """The same of an image whose pixels are sums of s x s pixels."""
    _check_wgrad(case, upsampled=True)


def _check_wgrad(case: Map, upsampled: bool) -> None:
    kernel, coarse = case.kernel, case.kernel.pack_coarse(case.coarse)
    for fine in (case.fine, -2 * case.fine.flip(3)):
        image, whole = fine, fine
        if upsampled:
            image = sums_ahead(fine, stride(case))  # of the image's size, with other numbers
            whole = sums_behind(image, stride(case))
        stored = kernel.pack_fine(image, upsampled=upsampled)
        assert_close(
            kernel.fine_pixels(stored, upsampled).flatten(0, -2).sum(0), image.sum((0, 2, 3))
        )
        expected = case.wgrad(whole)
        gradient = torch.full_like(case.weight, torch.nan)
        kernel.wgrad(gradient, coarse, kernel.gemm_operand(stored), add=False)
        assert_close(gradient, expected)
        kernel.wgrad(gradient, coarse, kernel.gemm_operand(stored), add=True)
        assert_close(gradient, 2 * expected)


def check_upsampled_fprop(case: Map) -> None:
    """coarse = the sum over taps of an image whose pixels are sums of s x s pixels."""
    kernel = case.kernel
    for sign in (1, -1):
        image = sign * sums_ahead(case.fine, stride(case))
        operand = kernel.gemm_operand(kernel.pack_fine(image, upsampled=True))
        expected = case.fprop(sums_behind(image, stride(case)))
        assert_close(kernel.fprop(operand, case.weight, None), expected)


CHECKS: Mapping[str, Callable[[Map], None]] = {
    check.__name__.removeprefix("check_"): check
    for check in (
        *(check_fprop, check_dgrad, check_wgrad),
        *(check_upsampled_fprop, check_upsampled_dgrad, check_upsampled_wgrad),
    )
}


def check_random_maps(kernel: type[ConvKernel], product: str, examples: int) -> None:
    """One of the checks on maps drawn at random, of those that the kernel computes."""

    def serves(case: Map) -> bool:
        axes = case.kernel.rows, case.kernel.columns
        return kernel is not TritonConv or is_supported(*axes, [1])

    cases = maps(kernel, upsampled=product.startswith("upsampled")).filter(serves)
    draws(examples)(given(cases)(CHECKS[product]))()


def share_of_zeros_that_count(case: Map) -> float:
    """How many of the zeros in the stored fine image would be noticed if they were not zero."""
    stored = case.kernel.pack_fine(case.fine)
    zeros = (stored == 0).nonzero().tolist()
    noticed = 0
    for place in zeros:
        spoilt = stored.clone()
        spoilt[tuple(place)] = torch.nan
        coarse = case.kernel.fprop(case.kernel.gemm_operand(spoilt), case.weight, None)
        noticed += bool(coarse.isnan().any())
    return noticed / len(zeros)


def stride(case: Map) -> tuple[int, int]:
    return case.kernel.rows.stride, case.kernel.columns.stride


def assert_close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=TOLERANCE, atol=TOLERANCE)
