"""JSON Schemas of the layers' parameters, one for each name; a title is the entry's summary."""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any


def read_schema(name: str) -> Mapping[str, Any]:
    """The schema of the layer ``name``, such as ``"prelu"``."""
    text = files(__name__).joinpath(f"{name}.json").read_text("utf-8")
    schema: Mapping[str, Any] = json.loads(text)
    return schema
