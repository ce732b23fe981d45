"""Tensors that take each operation together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import torch
from torch import Tensor

_PREFIX: Final = "_foreach_"


class TensorList:
    """Tensors with a tensor's methods, each of which does the same to all of them.

    ``values.add_(gradients, alpha=-lr)`` is ``torch._foreach_add_(values, gradients, alpha=-lr)``:
    one call for all, and on a GPU one kernel, where a loop makes one for each tensor. So are all
    methods that torch has a multi-tensor operation for: add, mul, lerp, addcmul, addcdiv, sqrt,
    clamp_min, neg, sign and about fifty more, with an underscore for those that work in place.

    Args:
        tensors: the tensors, kept without a copy; dtypes, devices and strides may differ.
    """

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        self.tensors = list(tensors)


def _method(operation: Callable[..., Any], in_place: bool) -> Callable[..., TensorList]:
    def on_all(self: TensorList, *operands: Any, **options: Any) -> TensorList:
        lists = [item.tensors if isinstance(item, TensorList) else item for item in operands]
        results = operation(self.tensors, *lists, **options)
        return self if in_place else TensorList(results)

    return on_all


for _name in dir(torch):
    if _name.startswith(_PREFIX):
        _operation = _method(getattr(torch, _name), in_place=_name.endswith("_"))
        setattr(TensorList, _name.removeprefix(_PREFIX), _operation)
