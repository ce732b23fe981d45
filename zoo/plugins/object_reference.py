"""Python objects named as text, ``"package.module:name"``, and imported when they are needed."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

from zoo.errors import PluginError, format_error
from zoo.plugins.isolation import isolated

REFERENCE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def import_callable(where: str, reference: str) -> Callable[..., Any]:
    """Import what a reference names, which can be called.

    Args:
        where: how a message begins.

    Raises:
        PluginError: it cannot be imported, or not be called.
    """
    value = import_attribute(where, reference)
    if not callable(value):
        raise PluginError(f"{where}: {reference!r} is not callable.")
    return value  # type: ignore[no-any-return]  # callable() has just been asked


def import_attribute(where: str, reference: str) -> Any:
    """Import what a reference names; raises as ``import_callable``."""
    module, _, attribute = reference.partition(":")
    try:
        with isolated():
            return getattr(import_module(module), attribute)
    except Exception as error:  # whatever a plugin's module raises while it is imported
        raise PluginError(
            f"{where}: cannot import {reference!r}: {format_error(error)}."
        ) from error
