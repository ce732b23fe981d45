"""One JSON Schema of an architecture file, composed from everything installed, for editors.

Draft 7 and closed in itself: what Taplo, the engine of Even Better TOML, understands. Two halves of
that engine read a schema in different ways. Its validation reads all of draft 7; alternatives are
chosen by ``if``, so that a message is about the one entry that ``type`` names. Its completion
follows ``properties``, ``items``, ``allOf``, ``anyOf`` and ``$ref`` only, and offers a key once for
each alternative of its value; so what it is to offer stands apart (:func:`parts.offered`).

Definitions, for each kind K of entry and each NAME of it: ``K`` is a name, a table with a type or a
variable; ``K.required`` what such a table must have; ``K.NAME`` the closed table of its parameters.
"""

from __future__ import annotations

import json
from typing import Any

from zoo.describe.editor_schema.compose import Composer
from zoo.describe.editor_schema.parts import Json
from zoo.plugins.registry import Registry

COMMENT = "Written by 'zoo schema' from all that is installed; write it again after a change."


def editor_schema(registry: Registry) -> Json:
    """The schema of an architecture file in which the registry's entries can be named.

    A value below the top level may also be ``{ var = "NAME" }``, which is not looked up. In a file
    that extends another nothing is required outside lists, since the other file may have it. Names
    that two plugins provide are left out.
    """
    composed = Composer(registry).document()
    return {"$schema": "http://json-schema.org/draft-07/schema#", "$comment": COMMENT, **composed}


def schema_text(registry: Registry) -> str:
    """That schema as JSON text; the same for the same entries."""
    return json.dumps(editor_schema(registry), indent=2, ensure_ascii=False) + "\n"


def is_editor_schema(value: Any) -> bool:
    """Whether a JSON value is a schema that :func:`editor_schema` made."""
    return isinstance(value, dict) and value.get("$comment") == COMMENT
