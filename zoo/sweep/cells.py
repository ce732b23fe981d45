"""From a plan to its cells: each setting put into the architecture, checked, and given a name."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import count, product
from typing import Any

import tomli

from zoo.architecture import Architecture, read_architecture
from zoo.architecture.extends import read_text
from zoo.architecture.overrides import Override
from zoo.errors import ArchitectureError, Problem, UsageError, format_path, format_value
from zoo.plugins.registry import Registry
from zoo.spec.schemas import read_schema
from zoo.sweep.axes import label_of, short_names
from zoo.sweep.plan import Plan, PlanTable
from zoo.sweep.values import SEED

DIGITS = 16  # of a cell's name
WORDS = ("name", "description")  # of an architecture, which train nothing


@dataclass(frozen=True)
class Cell:
    """One run of a sweep: all that another process, or another machine, needs to train it.

    Attributes:
        name: of its folder: the hash of what is trained.
        text: the resolved architecture, its seed among it.
        seed: the seed.
    """

    name: str
    text: str
    seed: int


@dataclass(frozen=True)
class Setting:
    """One combination of the values that a table varies.

    Attributes:
        label: what it is called.
        values: what varies, by dotted keys.
        cells: one for each seed; none where it cannot be built.
        parameters: numbers that are trained.
        reason: why it cannot be built, else "".
    """

    label: str
    values: Mapping[str, Any]
    cells: tuple[Cell, ...]
    parameters: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class ResultTable:
    """A table of a plan, its settings expanded; see :class:`zoo.sweep.plan.PlanTable`."""

    name: str
    settings: tuple[Setting, ...]
    published: Mapping[str, str]
    note: str


def expand_plan(
    plan: Plan, registry: Registry, changes: Sequence[Override] = ()
) -> tuple[ResultTable, ...]:
    """Check all cells of a plan.

    Args:
        plan: the plan.
        registry: what can be written in an architecture.
        changes: values for all cells, over those of the plan's ``set``.

    Raises:
        ArchitectureError: no setting of a table can be built: the mistakes of the first.
        UsageError: ``changes`` has what the plan varies, or a seed.
    """
    return tuple(_expanded(table, registry, changes) for table in plan.tables)


def cells_of(tables: Iterable[ResultTable]) -> list[tuple[Setting, Cell]]:
    """Each cell once, with the first setting that has it; all settings' first seeds first."""
    once: dict[str, tuple[int, Setting, Cell]] = {}
    for table in tables:
        for setting in table.settings:
            for number, cell in enumerate(setting.cells):
                once.setdefault(cell.name, (number, setting, cell))
    return [(setting, cell) for _, setting, cell in sorted(once.values(), key=lambda it: it[0])]


def repeated(table: ResultTable) -> dict[str, str]:
    """The labels of settings that are the same as one before, each with that one's."""
    once: dict[tuple[str, ...], str] = {}
    same = {}
    for setting in filter(lambda it: it.cells, table.settings):
        first = once.setdefault(tuple(cell.name for cell in setting.cells), setting.label)
        if first != setting.label:
            same[setting.label] = first
    return same


def _refuse(table: PlanTable, changes: Sequence[Override]) -> None:
    """Refuse options that the plan would override.

    Raises:
        UsageError: there is one.
    """
    varied = short_names(table.axes)
    for change in changes:
        key = format_path(change.path)
        if change.path == SEED or (change.path == SEED[:-1] and SEED[-1] in _keys(change.value)):
            raise UsageError(
                f"--set {key}: the seeds are the plan's. Write seeds = [0, 1, 2] there."
            )
        if any(path == change.path[: len(path)] for path in varied):
            raise UsageError(f"--set {key}: is what the plan varies in {table.name}. Leave it out.")


def _keys(value: Any) -> Iterable[str]:
    return value if isinstance(value, Mapping) else ()


def _expanded(table: PlanTable, registry: Registry, changes: Sequence[Override]) -> ResultTable:
    names = short_names(table.axes)
    _refuse(table, changes)
    _require_file(table)
    failures: list[ArchitectureError] = []
    settings: dict[str, Setting] = {}
    for choices in product(*table.axes):
        label = _free_label(label_of(choices, names) or table.name, settings)
        varied = [value for choice in choices for value in choice.values]
        values = {format_path(it.path): it.value for it in varied}
        try:
            specs = [_built(table, registry, [*changes, *varied], seed) for seed in table.seeds]
        except ArchitectureError as error:
            failures.append(error)
            settings[label] = Setting(label, values, (), reason=_reason(error))
            continue
        cells = tuple(
            Cell(cell_name(spec.text), spec.text, seed)
            for spec, seed in zip(specs, table.seeds, strict=True)
        )
        parameters = specs[0].shapes.info.parameters
        settings[label] = Setting(label, values, cells, parameters)
    if failures and not any(setting.cells for setting in settings.values()):
        raise _in_plan(failures[0], table, next(iter(settings)))
    return ResultTable(table.name, tuple(settings.values()), table.published, table.note)


def _free_label(label: str, taken: Container[str]) -> str:
    """The label, with a number where another has it: long values are shortened in it."""
    numbered = (f"{label} ({number})" for number in count(2))
    return label if label not in taken else next(it for it in numbered if it not in taken)


def _built(
    table: PlanTable, registry: Registry, changes: Sequence[Override], seed: int
) -> Architecture:
    of_seed = Override.of_option("seeds", SEED, seed)
    return read_architecture(table.architecture, registry, [*table.values, *changes, of_seed])


def _require_file(table: PlanTable) -> None:
    """Refuse an architecture that cannot be read, where the plan names it.

    Raises:
        ArchitectureError: it cannot.
    """
    text = read_text(table.architecture)
    if isinstance(text, Problem):
        message = f"is {format_value(str(table.architecture))}, which {text.message}"
        raise ArchitectureError([table.location.problem(message, text.hint)])


def _in_plan(error: ArchitectureError, table: PlanTable, label: str) -> ArchitectureError:
    """The mistakes of a setting; those that are in another file also name the plan and it."""
    plan = table.location.file.name
    return ArchitectureError(
        problem
        if problem.file == plan
        else replace(problem, hint=f"{problem.hint} ({plan}: {label})".strip())
        for problem in error.problems
    )


def _reason(error: ArchitectureError) -> str:
    """Why a setting cannot be built, in one line."""
    first, *others = error.problems
    return f"{first.text} (and {len(others)} more)" if others else first.text


def cell_name(text: str) -> str:
    """The name of the cell of a resolved architecture: a hash of what in it trains.

    A key at its default does not count: one that a later zoo adds changes no name.
    """
    document = {key: value for key, value in tomli.loads(text).items() if key not in WORDS}
    content = _without_defaults(document, read_schema("architecture.json"))
    canonical = json.dumps(content, sort_keys=True)
    return sha256(canonical.encode()).hexdigest()[:DIGITS]


def _without_defaults(table: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    result = {}
    for key, value in table.items():
        known = schema.get("properties", {}).get(key, {})
        kept = _without_defaults(value, known) if "properties" in known else value
        if "default" not in known or kept != known["default"]:
            result[key] = kept
    return result
