"""Checking a document against the schemas and filling in every default.

The architecture's own schema marks each value that names a registered entry with ``x-zoo-kind``:
a layer, the loss, a layer's initializer and so on. Such a value is a name, or a table with a
``type``; its parameters are checked against the one closed schema of that entry, so a message never
speaks of the schemas of others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zoo.architecture.document import (
    UNKNOWN,
    File,
    Node,
    SourceLocation,
    TomlPath,
    has_unknown,
    literal,
)
from zoo.architecture.misfits import misfits
from zoo.architecture.paths import written_path
from zoo.architecture.problems import Problems, did_you_mean, schema_problems
from zoo.architecture.schema import Schema, describe
from zoo.architecture.sources import expand_source, misspelt_source, typed_source
from zoo.errors import (
    ArchitectureError,
    ArgumentError,
    PluginError,
    Problem,
    format_error,
    format_value,
    quoted,
)
from zoo.plugins.distributions import canonical
from zoo.plugins.isolation import isolated
from zoo.plugins.records import Entry
from zoo.plugins.registry import HOW_TO_INSTALL, Registry
from zoo.spec.schemas import follow, read_schema


@dataclass(frozen=True)
class Checked:
    """What checking a document gives.

    Attributes:
        resolved: the document with defaults filled in, names turned into tables and paths made
            absolute; incomplete where there are problems.
        problems: all of them.
        wrong: the paths in the document at which there are problems.
        complete: whether all plugins are there that the document needs.
    """

    resolved: dict[str, Any]
    problems: tuple[Problem, ...]
    wrong: frozenset[TomlPath]
    complete: bool = True

    def is_right(self, path: TomlPath) -> bool:
        """Whether nothing on the way to ``path``, there, or in what stands there is wrong."""
        return not any(wrong[: len(path)] == path[: len(wrong)] for wrong in self.wrong)


def check(document: Node, registry: Registry) -> Checked:
    """Check a document without variables and blocks, and fill in its defaults.

    Args:
        document: where its values stand decides what their relative paths are relative to.
        registry: what can be written in it.
    """
    missing = Problems()
    missing += _missing_plugins(document, registry)
    checker = _Checker(registry, complete=not missing)
    resolved = checker.checked(document, read_schema("architecture.json"), ())
    problems = (*missing, *checker.problems)
    checked = Checked(resolved, problems, frozenset(checker.wrong), checker.complete)
    found = misfits(checked.resolved, checked.is_right)
    together = tuple(document.nearest(path).location.problem(message) for path, message in found)
    return replace(checked, problems=(*checked.problems, *together))


def check_layers(layers: Node, registry: Registry, complete: bool = True) -> Checked:
    """Check a list of layers by itself, such as that of a block that is not used.

    Args:
        complete: as in :class:`Checked`.
    """
    checker = _Checker(registry, complete)
    resolved = checker.checked(layers, {"type": "array", "items": {"x-zoo-kind": "layer"}}, ())
    return Checked(resolved, tuple(checker.problems), frozenset(checker.wrong), complete)


def check_source(text: str, registry: Registry, where: str, base: Path) -> dict[str, Any]:
    """The resolved table of a data source as it is typed (:mod:`zoo.architecture.sources`).

    Args:
        text: the short form, or a TOML table.
        registry: what sources there are.
        where: what to call it in messages.
        base: folder that its paths are relative to.

    Raises:
        ArchitectureError: there is no such source, or its table has mistakes.
    """
    location = SourceLocation(File(where, base, ""), ())
    try:
        node = literal(typed_source(text, base), location)
    except ValueError as error:
        example = '{ type = "pkl", path = "a.pkl" }'
        problem = location.problem(f"is not a TOML table. Write it as in a file: {example}")
        raise ArchitectureError([problem]) from error
    checker = _Checker(registry)
    table: dict[str, Any] = checker.checked(node, {"x-zoo-kind": "source"}, ())
    if checker.problems:
        raise ArchitectureError(checker.problems)
    return table


def _missing_plugins(document: Node, registry: Registry) -> Iterator[Problem]:
    """A problem for each plugin that the file needs and that is not there."""
    there = {registered.provider.distribution for registered in registry}
    failures = {failure.provider.distribution: failure for failure in registry.failures}
    for node in document.nearest(("plugins",)).items:
        name = node.value
        key = canonical(name) if isinstance(name, str) else ""
        if key in failures:
            yield node.location.problem(
                f"is {format_value(name)}, which cannot be used: {failures[key]}"
            )
        elif key and key not in there:
            yield node.location.problem(
                f"is {format_value(name)}, which is not installed. {HOW_TO_INSTALL}"
            )


class _Checker:
    """Checks the parts of a document.

    Args:
        registry: what can be written in it.
        complete: whether an unknown name is a problem; if not, a missing plugin may have it.
    """

    def __init__(self, registry: Registry, complete: bool = True) -> None:
        self.registry = registry
        self.complete = complete
        self.problems = Problems()
        self.wrong: set[TomlPath] = set()

    def checked(self, node: Node, schema: Schema, path: TomlPath) -> Any:
        """The value of ``node``, which stands at ``path``, checked and resolved."""
        for below, problem in schema_problems(node, schema):
            self._add(problem, (*path, *below))
        return self._resolved(node, schema, path)

    def _resolved(self, node: Node, schema: Schema, path: TomlPath) -> Any:
        """Defaults filled in, choices looked up and checked, paths absolute."""
        schema = follow(schema)
        if has_unknown(node.plain()):
            self.wrong.add(path)
        if node.value is UNKNOWN:
            return UNKNOWN
        if "x-zoo-kind" in schema:
            return self._chosen(str(schema["x-zoo-kind"]), node, path)
        if "x-zoo-body" in schema:
            return self._body(node, schema, path)
        if "x-zoo-path" in schema and isinstance(node.value, str):
            return self._absolute(node, path)
        if "properties" in schema and isinstance(node.value, Mapping):
            return self._filled(node, schema["properties"], path)
        if "items" in schema and isinstance(node.value, list):
            elements = enumerate(node.value)
            return [self._resolved(element, schema["items"], (*path, i)) for i, element in elements]
        return node.plain()

    def _body(self, node: Node, schema: Schema, path: TomlPath) -> Any:
        if not isinstance(node.value, list):
            message = f"is {format_value(node.plain())}. Use {describe(schema)}."
            return self._problem(node, path, message)
        return self.checked(node, {"$ref": "urn:zoo:common#/$defs/layers"}, path)

    def _absolute(self, node: Node, path: TomlPath) -> Any:
        try:
            return str(written_path(node.value, node.location.file.base).resolve())
        except (OSError, RuntimeError, ValueError):  # a loop of links, a null character
            return self._problem(
                node, path, f"is {format_value(node.value)}. Use a path that can exist."
            )

    def _filled(
        self, node: Node, properties: Mapping[str, Schema], path: TomlPath
    ) -> dict[str, Any]:
        result = {}
        for key, schema in properties.items():
            if key not in node.table and "default" not in schema:
                continue
            child = node.table.get(key) or literal(schema.get("default"), node.location)
            result[key] = self._resolved(child, schema, (*path, key))
        return result

    def _chosen(self, kind: str, node: Node, path: TomlPath) -> Any:
        """A table ``{type, parameters}`` from a name or a table."""
        node = self._as_table(kind, node, path)
        if node.value is UNKNOWN:  # reported
            return UNKNOWN
        if not isinstance(node.value, Mapping):
            value = format_value(node.plain())
            is_text = kind == "source" and not isinstance(node.value, list)  # as a folder 2024
            hint = f"Text has quotes: {quoted(value)}." if is_text else ""
            message = f"is {value}. Use a name or a table with a 'type'."
            return self._problem(node, path, message, hint)
        if "type" not in node.table:
            known = ", ".join(self.registry.names(kind))
            return self._problem(node, path, f"has no 'type'. Use one of: {known}.")
        entry = self._entry(kind, node.table["type"], (*path, "type"))
        if entry is None:
            return None
        parameters = {key: child for key, child in node.table.items() if key != "type"}
        before = len(self.problems)
        resolved = self.checked(Node(parameters, node.location, node.key), entry.schema, path)
        if len(self.problems) == before:
            self._check_together(entry, resolved, node, path)
        return {"type": node.table["type"].value, **resolved}

    def _as_table(self, kind: str, node: Node, path: TomlPath) -> Node:
        """The table that a name stands for, unknown for a wrong one; other values as they are."""
        if not isinstance(node.value, str):
            return node
        if kind == "source":
            names, base = self.registry.names("source"), node.location.file.base
            message, meant = misspelt_source(node.value, names, base)
            if message:
                self._problem(node, path, message, meant)
                return Node(UNKNOWN, node.location, node.key)
            return literal(expand_source(node.value, names, base), node.location, node.key)
        return Node({"type": node}, node.location, node.key)

    def _entry(self, kind: str, node: Node, path: TomlPath) -> Entry | None:
        """The entry that ``node`` names; None, and a problem, where there is none."""
        name = node.value
        if name is UNKNOWN:
            self.wrong.add(path)
            return None
        try:
            return self.registry.get(kind, name if isinstance(name, str) else "").entry
        except KeyError:
            if not self.complete:
                self.wrong.add(path)
                return None
            known = self.registry.names(kind)
            message = f"is {format_value(node.plain())}. Use one of: {', '.join(known)}."
            hint = self._hint(kind, name) if isinstance(name, str) else ""
            self._problem(node, path, message, hint)
        except PluginError as error:
            self._problem(node, path, str(error))
        return None

    def _hint(self, kind: str, name: str) -> str:
        """What may have been meant by a name that is not registered, and why it may not be."""
        hints = [did_you_mean(name, self.registry.names(kind), quoted=True)]
        if not hints[0]:
            hints += [
                f"There is the {other} {format_value(name)}." for other in self.registry.kinds(name)
            ]
        if failed := self.registry.failed_plugins():
            failures = " ".join(failed)
            hints.append(f"It may belong to a plugin that cannot be used: {failures}")
        return " ".join(filter(None, hints))

    def _check_together(
        self, entry: Entry, parameters: dict[str, Any], node: Node, path: TomlPath
    ) -> None:
        """Check parameters that are right each for itself, unless an unknown one is among them."""
        if any(wrong[: len(path)] == path for wrong in self.wrong):
            return
        check = entry.load_check()
        if check is None:
            return
        try:
            with isolated():
                check(entry.name, parameters)
        except ArgumentError as error:
            at = node.nearest((error.parameter,)) if error.parameter else node
            self._problem(at, path, str(error))
        except Exception as error:  # whatever a plugin's check raises
            message = f"{entry.kind} {entry.name!r}: its check failed: {format_error(error)}."
            raise PluginError(message) from error

    def _problem(self, node: Node, path: TomlPath, message: str, hint: str = "") -> None:
        self._add(node.location.problem(message, hint), path)

    def _add(self, problem: Problem, path: TomlPath) -> None:
        self.wrong.add(path)
        self.problems.append(problem)
