"""Checking a document against the schemas and filling in every default.

The architecture's own schema marks each value that names a registered entry with ``x-zoo-kind``:
a layer, the loss, a layer's initializer and so on. Such a value is a name, or a table with a
``type``; its parameters are checked against the one closed schema of that entry, so a message never
speaks of the schemas of others.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonschema import ValidationError

from zoo.architecture.schema import Schema, describe, follow, show, validate
from zoo.architecture.sources import expand_source
from zoo.errors import ArchitectureError, PluginError, Problem
from zoo.registry import Registry
from zoo.schemas import read_schema

TomlPath = tuple[str | int, ...]


def check(
    document: Mapping[str, Any], registry: Registry, file: str, base: Path
) -> tuple[dict[str, Any], list[Problem]]:
    """Check a document and fill in its defaults.

    Args:
        document: the parsed TOML, left as it is.
        registry: what can be written in it.
        file: name of the file, for messages.
        base: folder that the paths in the document are relative to.

    Returns:
        The document with defaults filled in, names turned into tables and paths made absolute,
        and all problems. With problems, the document is incomplete.
    """
    checker = _Checker(registry, file, base)
    resolved = checker.checked(document, read_schema("architecture.json"), ())
    return resolved, checker.problems


class _Checker:
    def __init__(self, registry: Registry, file: str, base: Path) -> None:
        self.registry = registry
        self.file = file
        self.base = base
        self.problems: list[Problem] = []

    def checked(self, value: Any, schema: Schema, path: TomlPath) -> Any:
        """``value`` checked against ``schema`` and resolved."""
        for error in validate(value, schema):
            self._report(error, path + tuple(error.absolute_path))
        return self._resolved(value, schema, path)

    def _resolved(self, value: Any, schema: Schema, path: TomlPath) -> Any:
        """Defaults filled in, choices looked up and checked, paths absolute."""
        schema = follow(schema)
        if "x-zoo-kind" in schema:
            return self._chosen(str(schema["x-zoo-kind"]), value, path)
        if "x-zoo-path" in schema and isinstance(value, str):
            return self._absolute(value, path)
        if "properties" in schema and isinstance(value, Mapping):
            return self._filled(value, schema["properties"], path)
        if "items" in schema and isinstance(value, list):
            items = enumerate(value)
            return [self._resolved(v, schema["items"], (*path, i)) for i, v in items]
        return value

    def _absolute(self, value: str, path: TomlPath) -> Any:
        try:
            return str((self.base / value).resolve())
        except (OSError, RuntimeError, ValueError):  # a loop of links, a null character
            return self._problem(path, f"is {show(value)}. Use a path that can exist.")

    def _filled(
        self, table: Mapping[str, Any], properties: Mapping[str, Schema], path: TomlPath
    ) -> dict[str, Any]:
        result = {}
        for key, schema in properties.items():
            if key not in table and "default" not in schema:
                continue
            value = table.get(key, schema.get("default"))
            result[key] = self._resolved(value, schema, (*path, key))
        return result

    def _chosen(self, kind: str, value: Any, path: TomlPath) -> Any:
        """A table ``{type, parameters}`` from a name or a table."""
        if kind == "source" and isinstance(value, str):
            value = expand_source(value, self.registry.names("source"))
        elif isinstance(value, str):
            value = {"type": value}
        if not isinstance(value, Mapping):
            return self._problem(path, f"is {show(value)}. Use a name or a table with a 'type'.")
        known = ", ".join(self.registry.names(kind))
        name = value.get("type")
        if name is None:
            return self._problem(path, f"has no 'type'. Use one of: {known}.")
        try:
            entry = self.registry.get(kind, name if isinstance(name, str) else "").entry
        except KeyError:
            return self._problem((*path, "type"), f"is {show(name)}. Use one of: {known}.")
        except PluginError as error:
            return self._problem((*path, "type"), str(error))
        parameters = {key: item for key, item in value.items() if key != "type"}
        return {"type": name, **self.checked(parameters, entry.schema, path)}

    def _report(self, error: ValidationError, path: TomlPath) -> None:
        schema: Any = error.schema
        instance: Any = error.instance
        if error.validator == "additionalProperties":
            known = sorted(schema.get("properties", {}))
            words = f"Known keys: {', '.join(known)}." if known else "No key can be set here."
            for key in sorted(set(instance) - set(known)):
                self._problem((*path, key), f"is not a known key. {words}")
        elif error.validator == "required":
            for key in sorted(set(schema["required"]) - set(instance)):
                described = describe(schema["properties"][key])
                self._problem((*path, key), f"is missing. Use {described}.")
        else:
            self._problem(path, f"is {show(instance)}. Use {describe(schema)}.")

    def _problem(self, path: TomlPath, message: str) -> None:
        problem = Problem(self.file, path, message)
        if problem not in self.problems:  # a table with two missing keys is reported once for each
            self.problems.append(problem)


def check_source(text: str, registry: Registry, where: str, base: Path) -> dict[str, Any]:
    """The resolved table of a data source in its short form (:mod:`zoo.architecture.sources`).

    Args:
        text: the short form.
        registry: what sources there are.
        where: what to call it in messages.
        base: folder that its paths are relative to.

    Raises:
        ArchitectureError: there is no such source.
    """
    checker = _Checker(registry, where, base)
    table: dict[str, Any] = checker.checked(text, {"x-zoo-kind": "source"}, ())
    if checker.problems:
        raise ArchitectureError(checker.problems)
    return table
