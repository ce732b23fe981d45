"""Sums of matrix products, written to where they belong."""

from __future__ import annotations

import torch
from torch import Tensor


def add_sum_of_products(total: Tensor, left: Tensor, right: Tensor, add: bool) -> None:
    """total[i] = sum over q of left[i, q]^T right[q], added to what is there if asked.

    One batched product for each q: it uses the cores better than one product after the other.

    Args:
        total: (n, K, C), changed.
        left: (n, q, F/q, K).
        right: (q, F/q, C).
        add: whether to add to the old value.
    """
    result = torch.empty_like(total) if add or not total.is_contiguous() else total
    for number in range(len(right)):
        products = left[:, number].transpose(1, 2), right[number].expand(len(left), -1, -1)
        if number == 0:
            torch.bmm(*products, out=result)
        else:
            result.baddbmm_(*products)
    if result is not total:
        total.add_(result) if add else total.copy_(result)


def add_product(
    total: Tensor, left: Tensor, right: Tensor, bias: Tensor | None, first: bool
) -> None:
    """total += left right, or the first of such terms: total = bias + left right.

    All have a first axis of q; ``right`` is the same for all q. Starting from the bias saves a
    rounding.

    Args:
        total: (q, F, C), changed.
        left: (q, F, K).
        right: (K, C).
        bias: (C,) or None.
        first: whether this is the first term.
    """
    if len(left) == 1:  # one large product is spread over the cores better than a batch of one
        total, left = total[0], left[0]
    else:
        right = right.expand(len(left), *right.shape)
    start = total if not first else bias
    if start is None:
        torch.matmul(left, right, out=total)
    elif left.dim() == 2:
        torch.addmm(start, left, right, out=total)
    else:
        torch.baddbmm(start, left, right, out=total)
