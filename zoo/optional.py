"""Libraries that a user may not have installed."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from zoo.errors import UsageError


def load(module: str, extra: str, what: str = "zoo export") -> Any:
    """Import an optional library.

    Args:
        module: its name, such as ``"onnx"``.
        extra: the optional part of zoo that it belongs to.
        what: needs it.

    Raises:
        UsageError: it is not installed, or cannot be imported.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        reason = "is not installed" if find_spec(package) is None else f"fails: {error}"
        raise UsageError(
            f"{what}: needs {package}, which {reason}. Install it with: pip install 'zoo[{extra}]'."
        ) from error
