"""Reading an architecture: parse the TOML, put everything in place, check, infer shapes, freeze."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import tomli_w

from zoo.architecture.blocks import expand
from zoo.architecture.check import Checked, check, check_layers
from zoo.architecture.component import build_layers
from zoo.architecture.document import Node, parse
from zoo.architecture.extends import extended, read_text
from zoo.architecture.infer_shapes import InferredShapes, ShapeInference
from zoo.architecture.overrides import Override, apply_overrides
from zoo.architecture.paths import with_uris
from zoo.architecture.spec import Architecture, build_spec
from zoo.architecture.variables import meant_variables, unused_variables
from zoo.errors import ArchitectureError, Problem
from zoo.plugins.registry import Registry

UNRESOLVED = ("extends", "vars", "blocks")  # what is put in place when a file is read
MEASURED = (
    "A checkpoint has the values of black and white that its run has measured: use a .pkl file "
    "that zoo has written."
)


def read_architecture(
    path: str | Path, registry: Registry, overrides: Iterable[Override] = ()
) -> Architecture:
    """Read and check the architecture file at ``path``.

    Args:
        path: a TOML file; paths in it are relative to its folder.
        registry: what can be written in it.
        overrides: values that replace the file's before it is checked.

    Raises:
        ArchitectureError: the file cannot be read, is not TOML, or has mistakes; all of them,
            ordered by line.
        PluginError: a plugin that the file needs does not work.
    """
    text = read_text(path)
    if isinstance(text, Problem):
        raise ArchitectureError([text])
    return parse_architecture(text, registry, str(path), Path(path).parent, overrides)


def parse_architecture(
    text: str,
    registry: Registry,
    file: str,
    base: Path,
    overrides: Iterable[Override] = (),
) -> Architecture:
    """Check the architecture in ``text``, called ``file``, whose paths are relative to ``base``.

    Raises:
        ArchitectureError, PluginError: as for :func:`read_architecture`.
    """
    try:
        document = apply_overrides(extended(parse(text, file, base)), changes := list(overrides))
        if unused := list(unused_variables(document, changes, file)):
            raise ArchitectureError(unused)
        return _checked(document, registry, file)
    except RecursionError as error:
        raise _too_deep(file) from error


def parse_resolved(text: str, registry: Registry, file: str) -> Architecture:
    """Check an architecture that zoo itself has written, as it stands in a checkpoint.

    Such a text is complete: what would have another file read is refused.

    Raises:
        ArchitectureError, PluginError: as for :func:`read_architecture`; or it leaves open what a
            run measures.
    """
    try:
        document = parse(text, file, Path())
        if foreign := [document.table[key] for key in UNRESOLVED if key in document.table]:
            message = "has no place in a resolved architecture. Remove it."
            raise ArchitectureError(
                (node.key or node.location).problem(message) for node in foreign
            )
        architecture = _checked(document, registry, file)
    except RecursionError as error:
        raise _too_deep(file) from error
    if architecture.data.value_range == "auto":
        raise architecture.error(("data", "range"), f'is "auto". {MEASURED}')
    return architecture


def _checked(document: Node, registry: Registry, file: str) -> Architecture:
    """The architecture of a document that no file or option adds to."""
    expanded = expand(document, registry)
    checked = check(expanded.document, registry)
    unused = check_layers(expanded.unused, registry, checked.complete)
    shapes, misfits = _infer_shapes(expanded.document, checked, registry)
    problems = [*expanded.problems, *checked.problems, *unused.problems, *misfits]
    if problems or shapes is None:
        meant = meant_variables(problems, expanded.document, document.table.get("vars"))
        raise ArchitectureError(_in_order(meant, file))
    resolved = tomli_w.dumps(with_uris(checked.resolved))
    return build_spec(checked.resolved, registry, expanded.document, shapes, resolved)


def _too_deep(file: str) -> ArchitectureError:
    message = "is nested too deeply. An architecture has a few levels."
    return ArchitectureError([Problem(file, (), message)])


def _infer_shapes(
    document: Node, checked: Checked, registry: Registry
) -> tuple[InferredShapes | None, Iterable[Problem]]:
    """The shapes between the layers, or what does not fit; neither where they have mistakes."""
    if not (checked.is_right(("input",)) and checked.is_right(("layers",))):
        return None, ()
    size = checked.resolved["input"]
    layers = build_layers(checked.resolved["layers"], registry, ("layers",))
    inference = ShapeInference(registry, document)
    shapes = inference.network(layers, (size["channels"], size["height"], size["width"]))
    return shapes, inference.problems


def _in_order(problems: Iterable[Problem], file: str) -> list[Problem]:
    """Each problem once, those of ``file`` first, by line."""
    once: dict[tuple[object, ...], Problem] = {}
    for problem in problems:
        key = (problem.file, problem.line, problem.column, problem.path, problem.message)
        once.setdefault(key, problem)
    return sorted(once.values(), key=lambda p: (p.file != file, p.file, p.line or 0, p.column or 0))
