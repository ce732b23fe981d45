"""Tensors that take each operation together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

Method = Callable[..., "TensorList"]


def _new(operation: Callable[..., Any]) -> Method:
    """A method that returns other tensors."""

    def on_all(self: TensorList, *operands: Any, **options: Any) -> TensorList:
        return TensorList(operation(self.tensors, *map(_plain, operands), **options))

    return on_all


def _in_place(operation: Callable[..., Any]) -> Method:
    """A method that changes the tensors and returns them."""

    def on_all(self: TensorList, *operands: Any, **options: Any) -> TensorList:
        operation(self.tensors, *map(_plain, operands), **options)
        return self

    return on_all


def _plain(operand: Any) -> Any:
    return operand.tensors if isinstance(operand, TensorList) else operand


class TensorList:
    """Tensors with methods of a tensor, each of which does the same to all of them.

    ``values.add_(gradients, alpha=-lr)`` is ``torch._foreach_add_(values, gradients, alpha=-lr)``:
    one call for all, and on a GPU one kernel, where a loop makes one for each tensor. Operands are
    other lists or numbers.

    Args:
        tensors: the tensors, kept without a copy; dtypes, devices and strides may differ.
    """

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        self.tensors = list(tensors)

    abs, abs_ = _new(torch._foreach_abs), _in_place(torch._foreach_abs_)
    add, add_ = _new(torch._foreach_add), _in_place(torch._foreach_add_)
    addcdiv, addcdiv_ = _new(torch._foreach_addcdiv), _in_place(torch._foreach_addcdiv_)
    addcmul, addcmul_ = _new(torch._foreach_addcmul), _in_place(torch._foreach_addcmul_)
    clamp_max, clamp_max_ = _new(torch._foreach_clamp_max), _in_place(torch._foreach_clamp_max_)
    clamp_min, clamp_min_ = _new(torch._foreach_clamp_min), _in_place(torch._foreach_clamp_min_)
    copy_ = _in_place(torch._foreach_copy_)
    div, div_ = _new(torch._foreach_div), _in_place(torch._foreach_div_)
    lerp, lerp_ = _new(torch._foreach_lerp), _in_place(torch._foreach_lerp_)
    mul, mul_ = _new(torch._foreach_mul), _in_place(torch._foreach_mul_)
    neg, neg_ = _new(torch._foreach_neg), _in_place(torch._foreach_neg_)
    pow, pow_ = _new(torch._foreach_pow), _in_place(torch._foreach_pow_)
    sign, sign_ = _new(torch._foreach_sign), _in_place(torch._foreach_sign_)
    sqrt, sqrt_ = _new(torch._foreach_sqrt), _in_place(torch._foreach_sqrt_)
    sub, sub_ = _new(torch._foreach_sub), _in_place(torch._foreach_sub_)
    zero_ = _in_place(torch._foreach_zero_)
