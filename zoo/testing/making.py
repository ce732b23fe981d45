"""The cases of a registered entry: those it declares, and those made up from its schema."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from zoo.architecture import Component
from zoo.compiler import Compiler
from zoo.data.sets import Images
from zoo.errors import ArchitectureError, PluginError, format_value
from zoo.plugins.records import (
    Entry,
    InitializerEntry,
    LayerEntry,
    LossEntry,
    NoiseEntry,
    OptimizerEntry,
    PairingEntry,
    ScheduleEntry,
    SourceEntry,
)
from zoo.plugins.registry import Registry
from zoo.testing.declared import Case
from zoo.testing.files import IMAGE, in_a_file
from zoo.testing.initializers import InitializerCase
from zoo.testing.losses import LossCase
from zoo.testing.made import KitCase, Made
from zoo.testing.making_layers import make_layer
from zoo.testing.noises import NoiseCase
from zoo.testing.optimizer_cases import OptimizerCase, trained
from zoo.testing.pairings import PairingCase
from zoo.testing.schedules import ScheduleCase
from zoo.testing.sources import SourceCase, gives_images
from zoo.testing.values import required, variations

Shape = tuple[int, ...]


def make_cases(entry: Entry, registry: Registry) -> list[Made]:
    """All cases of an entry: at least one, but for a source that declares none and needs files.

    Args:
        entry: its factory and shape rule are imported.
        registry: has the entries that the entry's parameters can name.

    Raises:
        PluginError: the entry cannot be imported, its shape rule fails, no parameters or input can
            be found that it takes, or it declares a case that it does not take.
    """
    declared = _declared(entry)
    if entry.kind == "source" and not declared:
        return _source_without_files(entry, registry)
    try:
        made = [_make(entry, case, registry) for case in declared]
    except ArchitectureError as error:
        raise PluginError(
            f"{entry.kind} {entry.name!r}: a declared case is wrong: {error}"
        ) from error
    made = made or [_made_up(entry, registry)]
    skip = {name for case in declared for name in case.parameters}
    return made + list(_varied(entry, made[0].source, skip, registry))


def _source_without_files(entry: Entry, registry: Registry) -> list[Made]:
    """A source that declares no cases as it is by default.

    There is no case if its schema requires something, or if it says that something is not there.
    """
    made = None if entry.schema.get("required") else _made_or_none(entry, Case(), registry)
    if made is None:
        return []
    assert isinstance(made.case, SourceCase)
    return [made] if gives_images(made.case) else []


def _varied(entry: Entry, first: Case, skip: Container[str], registry: Registry) -> Iterator[Made]:
    """Cases with one parameter changed; with two, where one alone is not taken or does nothing."""
    base = replace(first, mean=None, std=None)
    taken: list[dict[str, Any]] = [{}]
    for tables in variations(entry, registry, first.parameters, skip):
        fallback: tuple[Made, dict[str, Any]] | None = None
        for table, other in product(tables, list(taken)):
            parameters = {**first.parameters, **other, **table}
            made = _made_or_none(entry, replace(base, parameters=parameters), registry)
            if made is None:
                continue
            fallback = fallback or (made, table)
            without = replace(base, parameters={**first.parameters, **other})
            if _differs(made, _made_or_none(entry, without, registry)):
                fallback = made, table
                break
        if fallback is not None:
            yield fallback[0]
            taken.append(fallback[1])


def _differs(made: Made, other: Made | None) -> bool:
    """Whether a parameter changes anything: of an optimizer, such as dampening without momentum."""
    if not isinstance(made.case, OptimizerCase) or other is None:
        return True
    assert isinstance(other.case, OptimizerCase)  # of the same entry
    pairs = zip(trained(made.case), trained(other.case), strict=True)
    return not all(value.equal(before) for value, before in pairs)


def _made_or_none(entry: Entry, case: Case, registry: Registry) -> Made | None:
    """The case on its input, or on another one; None where the entry takes neither."""
    for attempt in (case, replace(case, input=None)):
        try:
            return _make(entry, attempt, registry)
        except ArchitectureError:
            continue
    return None


def _declared(entry: Entry) -> list[Case]:
    cases = entry.load_cases()
    if not isinstance(cases, Sequence) or not all(isinstance(case, Case) for case in cases):
        raise PluginError(
            f"{entry.kind} {entry.name!r}: {entry.cases!r} is {cases!r}. "
            "Give a list of zoo.testing.Case records."
        )
    return list(cases)


def _made_up(entry: Entry, registry: Registry) -> Made:
    """The first case of an entry that declares none."""
    refusal: ArchitectureError | None = None
    for parameters in required(entry, registry):
        try:
            return _make(entry, Case(parameters), registry)
        except ArchitectureError as error:
            refusal = refusal or error
    said = f" The first was refused: {refusal.problems[0].text}" if refusal else ""
    raise PluginError(
        f"{entry.kind} {entry.name!r}: no values for its required parameters"
        f"{' and no input' if entry.kind == 'layer' else ''} were found that it takes. "
        f"Declare cases (zoo.testing.Case).{said}"
    )


def _make(entry: Entry, case: Case, registry: Registry) -> Made:
    """The kit's case of a declared one.

    Raises:
        ArchitectureError: in a file it would be refused.
    """
    if isinstance(entry, LayerEntry):
        return make_layer(entry, case, registry, _id(entry, case))
    table = {"type": entry.name, **case.parameters}
    architecture = in_a_file(entry.kind, table, registry)
    named = _id(entry, case)
    if isinstance(entry, InitializerEntry):
        component = architecture.layers[0].parameters["init"]
        build = partial(entry.load(), **component.parameters)
        made: KitCase = InitializerCase(
            build, named, case.mean, case.std, case.biases, case.expected_failures
        )
    elif isinstance(entry, OptimizerEntry):
        parameters = architecture.optimizer.parameters
        build, maximize = partial(entry.load(), **parameters), parameters.get("maximize") is True
        made = OptimizerCase(build, named, maximize, None, case.expected_failures)
    elif isinstance(entry, LossEntry):
        build = partial(entry.load(), **architecture.loss.parameters)
        made = LossCase(build, named, None, case.expected_failures)
    elif isinstance(entry, SourceEntry):
        load = partial(_load, table, registry)
        made = SourceCase(load, named, case.files, case.expected_failures)
    elif isinstance(entry, NoiseEntry):
        made = NoiseCase(_factory(entry, architecture.data.noise), named, case.expected_failures)
    elif isinstance(entry, PairingEntry):
        made = PairingCase(_factory(entry, architecture.data.target), named, case.expected_failures)
    else:
        assert isinstance(entry, ScheduleEntry)  # there is no other kind
        schedule = architecture.train.schedule
        made = ScheduleCase(_factory(entry, schedule), named, case.expected_failures)
    return Made(case, table, made)


def _factory(entry: Entry, component: Component | None) -> Callable[[], Any]:
    """What builds the entry's object with the parameters of a file."""
    assert component is not None  # the file names the entry
    return partial(entry.load(), **component.parameters)


def _load(table: Mapping[str, Any], registry: Registry, folder: Path, channels: int) -> Images:
    """The images of a source whose paths are relative to a folder."""
    shape = (channels, *IMAGE[1:])
    architecture = in_a_file("source", table, registry, shape=shape, folder=folder)
    return Compiler(architecture, registry).data(architecture.data.source)


def _id(entry: Entry, case: Case) -> str:
    parameters = ", ".join(
        f"{name}={format_value(value)}" for name, value in case.parameters.items()
    )
    return f"{entry.name}({parameters})"
