"""How the checks fail: AssertionError with a message that says where and what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from unittest import SkipTest

import torch
from torch import Tensor


class NotApplicable(SkipTest):
    """A check does not apply to a case, for the reason that is given; pytest skips the test."""


def require(condition: bool, message: str) -> None:
    """Fail with ``message`` unless the condition holds; unlike ``assert``, also under ``-O``."""
    if not condition:
        raise AssertionError(message)


def require_close(where: str, actual: Tensor, expected: Tensor, tolerance: float = 1e-10) -> None:
    """Same shape and dtype, and |actual - expected| <= tolerance (1 + |expected|) everywhere.

    With tolerance 0 the tensors must be identical. Strides may differ; NaN equals nothing.
    """
    torch.testing.assert_close(
        actual,
        expected,
        rtol=tolerance,
        atol=tolerance,
        msg=lambda details: f"{where}: {details}",
    )


def require_all_close(
    where: str,
    actual: Mapping[str, Tensor],
    expected: Mapping[str, Tensor],
    tolerance: float = 1e-10,
) -> None:
    """The same names, and :func:`require_close` for the tensors of each."""
    require(
        list(actual) == list(expected),
        f"{where}: the names are {list(actual)}. They should be {list(expected)}.",
    )
    for name in actual:
        require_close(f"{where}, {name}", actual[name], expected[name], tolerance)


def require_raises(
    where: str, error: type[Exception], function: Callable[..., Any], *arguments: Any
) -> None:
    """Calling ``function`` raises ``error`` and nothing else."""
    try:
        function(*arguments)
    except error:
        return
    except Exception as other:
        raise AssertionError(f"{where}: raised {other!r}. Raise {error.__name__}.") from other
    raise AssertionError(f"{where}: nothing was raised. Raise {error.__name__}.")


def copies(tensors: Iterable[Tensor]) -> list[Tensor]:
    """A copy of each tensor, to compare with later."""
    return [tensor.clone() for tensor in tensors]


def named_copies(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same for tensors with names."""
    return {name: tensor.clone() for name, tensor in tensors.items()}
