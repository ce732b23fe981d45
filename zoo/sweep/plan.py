"""Reading the plan of a sweep: TOML, checked by its schema; tables with what each one varies."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.architecture.document import Node, SourceLocation, parse
from zoo.architecture.extends import read_text
from zoo.architecture.overrides import Override
from zoo.architecture.paths import written_path
from zoo.architecture.problems import did_you_mean, schema_problems
from zoo.errors import ArchitectureError, Problem, format_value
from zoo.spec.schemas import read_schema
from zoo.sweep.axes import Axis, grid_axes, random_axis, refuse_conflicts, settings_axis
from zoo.sweep.values import set_values

SEEDS = (0,)  # where a plan has none
MOST_RUNS = 10_000  # of a table; each is checked before the first is trained
LAYERS = "layers"  # what an architecture has, and no plan


@dataclass(frozen=True)
class PlanTable:
    """One table of results that a plan asks for.

    Attributes:
        name: its heading.
        architecture: the file that is trained.
        location: where that is written.
        seeds: that each setting is trained with.
        values: for all its cells.
        axes: what varies; a setting is one choice of each.
        published: results by the settings' names, as they were published.
        note: what is said under it.
    """

    name: str
    architecture: Path
    location: SourceLocation
    seeds: tuple[int, ...]
    values: tuple[Override, ...]
    axes: tuple[Axis, ...]
    published: Mapping[str, str]
    note: str


@dataclass(frozen=True)
class Plan:
    """A plan at one of its sizes.

    Attributes:
        text: the file.
        size: which; "" for one without sizes.
        tables: what it asks for.
    """

    text: str
    size: str
    tables: tuple[PlanTable, ...]


def read_plan(path: Path, size: str | None = None, draws: int | None = None, seed: int = 0) -> Plan:
    """Read and check the plan of a sweep; the architectures that it names are not read yet.

    Args:
        path: a TOML file; paths in it are relative to its folder.
        size: which of its sizes; its own ``size`` unless given.
        draws: how many random settings.
        seed: of these.

    Raises:
        ArchitectureError: it cannot be read, is not TOML, or has mistakes.
    """
    text = read_text(path)
    if isinstance(text, Problem):
        raise ArchitectureError([text])
    try:
        document = parse(text, str(path), path.parent)
    except RecursionError as error:
        message = "is nested too deeply. A plan has a few levels."
        raise ArchitectureError([Problem(str(path), (), message)]) from error
    if LAYERS in document.table:
        message = (
            "is an architecture file, no plan. Write a plan that names it as its architecture."
        )
        raise ArchitectureError([Problem(str(path), (), message, subject="")])
    if problems := [problem for _, problem in schema_problems(document, read_schema("sweep.json"))]:
        raise ArchitectureError(sorted(problems, key=lambda it: (it.line or 0, it.column or 0)))
    chosen = _size(document, size)
    tables = document.table.get("tables")
    parts = tables.items if tables else [document]
    names = [str(part.table["name"].value) if tables else path.stem for part in parts]
    _check_names(parts, names)
    layers = _layers([document, *parts], chosen)
    if draws is not None and draws > MOST_RUNS:
        message = f"is more than the {MOST_RUNS:,} runs of a table. Use fewer."
        raise ArchitectureError([Problem(f"--random {draws}", (), message, subject="")])
    if draws is not None and not any("random" in layer.table for layer in layers):
        message = f"{path.name} has no 'random' to draw from. Leave it out, or write one."
        raise ArchitectureError([Problem(f"--random {draws}", (), message, subject="")])
    planned = [
        _table(name, [document, part] if tables else [document], chosen, draws, seed)
        for part, name in zip(parts, names, strict=True)
    ]
    return Plan(text, chosen, tuple(planned))


def _size(document: Node, size: str | None) -> str:
    """The size to take, which is one of the plan's."""
    parts = [document, *document.nearest(("tables",)).items]
    sizes = {name for part in parts if "sizes" in part.table for name in part.table["sizes"].table}
    default = document.table.get("size")
    chosen = size if size is not None else str(default.value) if default else ""
    if chosen in sizes or not (chosen or sizes):
        return chosen
    known = f"Use one of: {', '.join(sorted(sizes))}." if sizes else "The plan has none."
    hint = did_you_mean(chosen, sorted(sizes), quoted=True)
    if size is None and default is not None:
        message = f"is {format_value(chosen)}, which is not in 'sizes'. {known}"
        raise ArchitectureError([default.location.problem(message, hint)])
    message = f"is not a size of {document.location.file.name}. {known}"
    if size is None:
        message = f"has sizes, and no 'size' that says which. Write one, or --size. {known}"
        raise ArchitectureError([document.location.problem(message, subject="")])
    raise ArchitectureError([Problem(f"--size {chosen}", (), message, hint=hint, subject="")])


def _check_names(parts: Sequence[Node], names: Sequence[str]) -> None:
    for number, name in enumerate(names):
        if name in names[:number]:
            message = f"is {format_value(name)}, as of a table before. Use another."
            raise ArchitectureError([parts[number].table["name"].location.problem(message)])


def _table(name: str, parts: Sequence[Node], size: str, draws: int | None, seed: int) -> PlanTable:
    """A table of the keys in ``parts``, the later before the earlier, and in their sizes."""
    layers = _layers(parts, size)
    keys = {key: node for layer in layers for key, node in layer.table.items()}
    if "architecture" not in keys:
        location = parts[-1].location
        message = "has no 'architecture'. Name an architecture file."
        raise ArchitectureError([location.problem(message, subject=name)])
    written = keys["architecture"]
    seeds = keys["seeds"].plain() if "seeds" in keys else SEEDS
    sets = [layer.table["set"] for layer in layers if "set" in layer.table]
    published = keys["published"].plain() if "published" in keys else {}
    axes = list(_axes(keys, draws, seed))
    refuse_conflicts(axes)
    _refuse_many(name, parts[-1], math.prod(map(len, axes)) * len(seeds))
    return PlanTable(
        name=name,
        architecture=written_path(str(written.value), written.location.file.base),
        location=written.location,
        seeds=tuple(seeds),
        values=tuple(value for table in sets for value in set_values(table)),
        axes=tuple(axes),
        published={label: _figure(it) for label, it in published.items()},
        note=str(keys["note"].value) if "note" in keys else "",
    )


def _refuse_many(name: str, part: Node, runs: int) -> None:
    """Refuse a table of so many runs that they are a mistake, before each is checked."""
    if runs > MOST_RUNS:
        message = f"has {runs:,} runs. Use fewer values or seeds: {MOST_RUNS:,} runs at most."
        raise ArchitectureError([part.location.problem(message, subject=name)])


def _layers(parts: Sequence[Node], size: str) -> list[Node]:
    """The tables of keys in ``parts``, then those of their sizes."""
    sized = [part.table["sizes"].table[size] for part in parts if _has_size(part, size)]
    return [*parts, *sized]


def _has_size(part: Node, size: str) -> bool:
    return "sizes" in part.table and size in part.table["sizes"].table


def _axes(keys: Mapping[str, Node], draws: int | None, seed: int) -> Iterator[Axis]:
    if "settings" in keys:
        yield settings_axis(keys["settings"])
    if "grid" in keys:
        yield from grid_axes(keys["grid"])
    if "random" in keys:
        random_axis(keys["random"], 0, seed)  # its mistakes come first
        if draws is None:
            message = "says what is drawn. Say how many settings with --random N."
            raise ArchitectureError([keys["random"].location.problem(message)])
        yield random_axis(keys["random"], draws, seed)


def _figure(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.2f}"
