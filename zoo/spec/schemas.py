"""JSON Schemas (draft 2020-12) of architecture files and of everything that can be written in them.

One file for the architecture, one for shared definitions, and one for each built-in, in a folder
for its kind. They are data; :mod:`zoo.architecture.schema` validates with them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

# What a ``$ref`` to a definition in common.json begins with; an entry's schema has no others.
SHARED = "urn:zoo:common#/$defs/"


@cache
def read_schema(name: str) -> Mapping[str, Any]:
    """The schema in a file of the folder ``schemas``, such as ``"layer/conv2d.json"``."""
    schema: Mapping[str, Any] = json.loads(_folder().joinpath(name).read_text("utf-8"))
    return schema


def follow(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema itself, or the definition it refers to with its own keywords added.

    A reference is ``urn:zoo:FILE#/$defs/NAME``: a definition in ``FILE.json``.
    """
    if "$ref" not in schema:
        return schema
    file, _, name = str(schema["$ref"]).removeprefix("urn:zoo:").partition("#/$defs/")
    own = {key: value for key, value in schema.items() if key != "$ref"}
    return {**read_schema(f"{file}.json")["$defs"][name], **own}


def _folder() -> Path:
    """An installed zoo has the folder within the package, a checkout beside it."""
    package = Path(__file__).parents[1]
    inside = package / "schemas"
    return inside if inside.is_dir() else package.parent / "schemas"
