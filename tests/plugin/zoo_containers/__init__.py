"""A plugin of two layers that contain layers; tests install it by its folder on the path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import zoo


@zoo.hookimpl
def zoo_layers() -> Iterator[zoo.LayerEntry]:
    """``residual`` and ``concat``, each around a body."""
    yield _container("residual", "Residual", "The input added to what the body makes of it")
    yield _container("concat", "Concat", "The channels of the input, then those of the body")


def _container(name: str, factory: str, summary: str) -> zoo.LayerEntry:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "body": {
                "$ref": "urn:zoo:common#/$defs/body",
                "description": "Layers that give back the height and width of their input.",
            }
        },
        "required": ["body"],
        "additionalProperties": False,
    }
    return zoo.LayerEntry(
        name=name,
        factory=f"zoo_containers.layers:{factory}",
        schema=schema,
        summary=summary,
        shape_rule=f"zoo_containers.rules:{name}",
    )
