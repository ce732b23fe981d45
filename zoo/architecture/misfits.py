"""Values of a document that are right by themselves and do not go together; no schema says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from zoo.architecture.document import TomlPath
from zoo.errors import ArgumentError, format_value
from zoo.spec.constraints import square_crops
from zoo.spec.value_range import ALLOWED, fits_float32


def misfits(
    resolved: Mapping[str, Any], is_right: Callable[[TomlPath], bool]
) -> Iterator[tuple[TomlPath, str]]:
    """Each value that does not go with others: its path, and a message.

    Args:
        resolved: the document with its defaults; incomplete where there are problems.
        is_right: whether there are none at a path.
    """
    if is_right(("input",)) and is_right(("data", "augment")):
        size, augment = resolved["input"], resolved["data"]["augment"]
        try:
            square_crops("augment", augment, size["height"], size["width"])
        except ArgumentError as error:
            yield ("data", "augment", error.parameter), str(error)
    if is_right(("data", "range")):
        value = resolved["data"].get("range", "type")
        if isinstance(value, list) and not value[0] < value[1]:
            yield (
                ("data", "range"),
                f"is {format_value(value)}. Write the value of black, then a larger one of white.",
            )
        elif isinstance(value, list) and not fits_float32(*value):
            yield ("data", "range"), f"is {format_value(value)}. {ALLOWED}"
