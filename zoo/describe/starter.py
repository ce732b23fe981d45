"""New architecture files: the one to start from, and copies of others. No torch."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import tomli
import tomli_w

from zoo.architecture.positions import TomlPath, index, normalised
from zoo.architecture.schema import Schema
from zoo.architecture.sources import expand_source
from zoo.plugins.registry import Registry
from zoo.spec.schemas import follow, read_schema

SCHEMA_FILE: Final = "zoo.schema.json"
SCHEMA_LINE: Final = re.compile(r"\A((?:[ \t]*(?:#(?!:schema)[^\n]*)?\n)*)#:schema\b[^\n]*")


def starter_text() -> str:
    """The architecture to start from; ``FILE`` stands for the name of its file."""
    return files(__package__).joinpath("starter.toml").read_text("utf-8")


def valid_name(stem: str) -> str:
    """The name of an architecture in a file of that stem: letters, digits, ``_``, ``-``, ``.``."""
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", plain).lstrip("_.-") or "architecture"


def renamed_copy(text: str, name: str, here: Path, there: Path, registry: Registry) -> str:
    """The text of an architecture that can be read, with another name, for another folder.

    Comments stay. The first line of a copy names the schema for editors. Relative paths are
    rewritten where the folders differ, as far as they are written where they are used: the caller
    compares what the two files mean.

    Args:
        text: the architecture's text.
        name: the name of the copy.
        here: the folder that paths in ``text`` are relative to.
        there: the folder of the copy.
        registry: says which parameters are paths.
    """
    text = normalised(text)
    document, written = tomli.loads(text), index(text)
    changes: dict[TomlPath, str] = {("name",): name} if "name" in document else {}
    if here.resolve() != there.resolve():
        mover = _Mover(registry, here.resolve(), there.resolve(), document.get("vars", {}))
        changes.update(mover.moved_paths(document, read_schema("architecture.json"), ()))
    spans = sorted(((written[path].value, value) for path, value in changes.items()), reverse=True)
    for span, value in spans:
        text = f"{text[: span.start]}{_literal(value)}{text[span.end :]}"
    if "name" not in document:  # it has that of the file it extends, in the top table
        text = f"name = {_literal(name)}\n{text}"
    return _with_schema_line(text)


def _with_schema_line(text: str) -> str:
    line = f"#:schema ./{SCHEMA_FILE}"
    changed, count = SCHEMA_LINE.subn(lambda match: match[1] + line, text)
    return changed if count else f"{line}\n{text}"


def _literal(text: str) -> str:
    """A string as TOML has it."""
    return tomli_w.dumps({"value": text}).removeprefix("value = ").removesuffix("\n")


@dataclass(frozen=True)
class _Mover:
    """Finds the relative paths of a document and makes them relative to another folder."""

    registry: Registry
    here: Path
    there: Path
    variables: Mapping[str, Any]

    def moved_paths(
        self, value: Any, schema: Schema, path: TomlPath
    ) -> Iterator[tuple[TomlPath, str]]:
        """Where the relative paths in ``value`` stand, and what is to stand there."""
        schema = follow(schema)
        if isinstance(value, dict) and set(value) == {"var"} and value["var"] in self.variables:
            path = ("vars", value["var"])
            value = self.variables[value["var"]]
        if isinstance(value, str):
            if "x-zoo-path" in schema:
                yield path, self._moved(value)
            elif schema.get("x-zoo-kind") == "source":
                yield path, self._moved_source(value)
        elif isinstance(value, dict):
            properties = self._properties(value, schema)
            for key, child in value.items():
                inner = properties.get(key, schema.get("additionalProperties") or {})
                yield from self.moved_paths(child, inner, (*path, key))
        elif isinstance(value, list):
            layers = follow({"$ref": "urn:zoo:common#/$defs/layers"})
            items = (layers if "x-zoo-body" in schema else schema).get("items", {})
            for position, child in enumerate(value):
                yield from self.moved_paths(child, items, (*path, position))

    def _properties(self, table: Mapping[str, Any], schema: Schema) -> Mapping[str, Schema]:
        """The schemas of a table's keys; of all entries where the other file says which it is."""
        kind = schema.get("x-zoo-kind")
        if kind is None:
            return schema.get("properties") or {}
        names = [table["type"]] if "type" in table else self.registry.names(kind)
        properties: dict[str, Schema] = {}
        for registered in self.registry:
            if registered.entry.kind == kind and registered.entry.name in names:
                properties |= registered.entry.schema.get("properties", {})
        return properties

    def _moved(self, text: str) -> str:
        if Path(text).is_absolute():
            return text
        return Path(os.path.relpath(self.here / text, self.there)).as_posix()

    def _moved_source(self, text: str) -> str:
        """The short form of a source (:mod:`zoo.architecture.sources`)."""
        names = self.registry.names("source")
        if text in names:
            return text
        table = expand_source(text, names, self.here)
        if table["type"] == "pairs" and "folder" in table:
            return f"pairs:{self._moved(table['folder'])}"
        paths = [self._moved(path) for key, path in table.items() if key != "type"]
        return ",".join(f"./{path}" if path in names else path for path in paths)
