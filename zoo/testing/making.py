"""The cases of a registered entry: those it declares, and those made up from its schema."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Final

import torch

from zoo.architecture import Component
from zoo.architecture.document import literal
from zoo.architecture.infer_shapes import InferredLayer, ShapeInference
from zoo.compiler import Compiler
from zoo.data.sets import Images
from zoo.errors import ArchitectureError, ArgumentError, PluginError, ShapeError, format_value
from zoo.nn import Module, Sequential
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
from zoo.spec.layer_info import LayerInfo, ShapeRule
from zoo.testing.cases import LayerCase
from zoo.testing.declared import Case
from zoo.testing.files import IMAGE, LOCATION, in_a_file, infer_layer_shapes
from zoo.testing.initializers import InitializerCase
from zoo.testing.losses import LossCase
from zoo.testing.noises import NoiseCase
from zoo.testing.optimizer_cases import OptimizerCase, trained
from zoo.testing.pairings import PairingCase
from zoo.testing.schedules import ScheduleCase
from zoo.testing.sources import SourceCase
from zoo.testing.values import body, is_body, required, variations

Shape = tuple[int, ...]
KitCase = (
    LayerCase
    | OptimizerCase
    | InitializerCase
    | LossCase
    | NoiseCase
    | PairingCase
    | ScheduleCase
    | SourceCase
)

# Inputs that are tried for a layer that declares none: small, higher than wide.
CHANNELS: Final = (6, 4, 3, 9, 8, 16, 1, 2)  # 6 first: splitting it in two is not its own inverse
SIZES: Final = ((6, 5), (6, 4), (6, 3), (9, 6), (8, 8), (16, 16), (32, 32))
BATCH: Final = 2


@dataclass(frozen=True)
class Made:
    """A case of the kit, and what it was made from.

    Attributes:
        source: with its input found.
        table: as in a file, with ``type`` and bodies.
        inferred: for a layer, what it makes of its input.
    """

    source: Case
    table: Mapping[str, Any]
    case: KitCase
    inferred: InferredLayer | None = None


def make_cases(entry: Entry, registry: Registry) -> list[Made]:
    """All cases of an entry: at least one, but for a source that declares none: it may need files.

    Args:
        entry: its factory and shape rule are imported.
        registry: has the entries that the entry's parameters can name.

    Raises:
        PluginError: the entry cannot be imported, its shape rule fails, no parameters or input can
            be found that it takes, or it declares a case that it does not take.
    """
    declared = _declared(entry)
    if entry.kind == "source" and not declared:  # it may need files that are not here
        return []
    try:
        made = [_make(entry, case, registry) for case in declared]
    except ArchitectureError as error:
        raise PluginError(
            f"{entry.kind} {entry.name!r}: a declared case is wrong: {error}"
        ) from error
    made = made or [_made_up(entry, registry)]
    skip = {name for case in declared for name in case.parameters}
    return made + list(_varied(entry, made[0].source, skip, registry))


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
        return _make_layer(entry, case, registry)
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


def _make_layer(entry: LayerEntry, case: Case, registry: Registry) -> Made:
    if case.input is not None:
        return _make_layer_on(case.input, entry, case, registry)
    refusal: ArchitectureError | None = None
    for size, channels in product(SIZES, CHANNELS):
        try:
            return _make_layer_on((channels, *size), entry, case, registry)
        except ArchitectureError as error:
            refusal = refusal or error
    assert refusal is not None  # there is at least one shape
    raise refusal


def _make_layer_on(shape: Shape, entry: LayerEntry, case: Case, registry: Registry) -> Made:
    properties = entry.schema.get("properties", {})
    needed = [name for name in entry.schema.get("required", ()) if is_body(properties[name])]
    bodies = {name: body(shape[0]) for name in needed if name not in case.parameters}
    case = replace(case, input=shape)
    table = {"type": entry.name, **bodies, **case.parameters}
    (inferred,) = infer_layer_shapes([table], shape, registry).layers
    made = LayerCase(
        _builder(inferred, registry),
        (BATCH, *shape),
        _id(entry, case),
        _rule(entry, inferred, registry),
        case.unbatched,
        case.mixes_batch,
        None,
        case.values,
        case.expected_failures,
    )
    return Made(case, table, made, inferred)


def _builder(inferred: InferredLayer, registry: Registry) -> Callable[[torch.Generator], Module]:
    compiler = Compiler(in_a_file("loss", {"type": "mse"}, registry), registry)

    def build(generator: torch.Generator) -> Module:
        return _build(compiler, inferred, generator)

    return build


def _build(compiler: Compiler, inferred: InferredLayer, generator: torch.Generator) -> Module:
    """The layer and those in it; unlike the compiler's own this does not ask the shape rule."""
    bodies = {
        name: Sequential(*(_build(compiler, layer, generator) for layer in inner.layers))
        for name, inner in inferred.bodies.items()
    }
    layer: Module = compiler.build(inferred.component, generator, **bodies)
    return layer


def _rule(entry: LayerEntry, inferred: InferredLayer, registry: Registry) -> ShapeRule:
    """The entry's shape rule with the parameters of one case, which are not given to it again."""
    rule = entry.load_shape_rule()
    bodies = {
        name: partial(_info_of_body, inner.components, registry)
        for name, inner in inferred.bodies.items()
    }
    parameters = {**inferred.component.parameters, **bodies}

    def info(where: str, _: Mapping[str, Any], input_shape: Shape) -> LayerInfo:
        try:
            return rule(where, parameters, input_shape)
        except (ArgumentError, ArchitectureError) as error:  # of a body that does not fit
            raise ShapeError(str(error)) from error

    return info


def _info_of_body(components: Sequence[Component], registry: Registry, shape: Shape) -> LayerInfo:
    inference = ShapeInference(registry, literal([], LOCATION))
    info = inference.chain(components, shape).info
    if inference.problems:
        raise ArchitectureError(inference.problems)
    return info


def _id(entry: Entry, case: Case) -> str:
    parameters = ", ".join(
        f"{name}={format_value(value)}" for name, value in case.parameters.items()
    )
    return f"{entry.name}({parameters})"
