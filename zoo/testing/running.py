"""Running checks on cases and keeping what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from zoo.errors import PluginError, format_error
from zoo.plugins.discovery import discover
from zoo.plugins.distributions import canonical
from zoo.plugins.isolation import isolated
from zoo.plugins.registry import Registered, Registry, load_registry
from zoo.plugins.suggestions import suggest
from zoo.testing.cases import LayerCase
from zoo.testing.comparisons import NotApplicable
from zoo.testing.entries import ENTRY_CHECKS, PLUGIN_CHECKS, EntryCase, PluginCase
from zoo.testing.initializers import INITIALIZER_CHECKS, InitializerCase
from zoo.testing.layers import LAYER_CHECKS
from zoo.testing.losses import LOSS_CHECKS, LossCase
from zoo.testing.made import KitCase
from zoo.testing.making import make_cases
from zoo.testing.models import MODEL_CHECKS, ModelCase
from zoo.testing.noises import NOISE_CHECKS, NoiseCase
from zoo.testing.optimizer_cases import OptimizerCase
from zoo.testing.optimizers import OPTIMIZER_CHECKS
from zoo.testing.pairings import PAIRING_CHECKS, PairingCase
from zoo.testing.schedules import SCHEDULE_CHECKS, ScheduleCase
from zoo.testing.sources import SOURCE_CHECKS, SourceCase

AnyCase = KitCase | EntryCase | ModelCase | PluginCase
AnyCheck = Callable[[Any], None]
State = Literal["passed", "failed", "skipped", "expected"]


@dataclass(frozen=True)
class Outcome:
    """What came of one check on one case.

    Attributes:
        subject: the entry, such as ``layer prelu``, or the distribution.
        case: the case's id: it has the parameters.
        check: the check's name.
        state: ``expected`` is a failure that was declared.
        message: why it failed, or does not apply.
    """

    subject: str
    case: str
    check: str
    state: State
    message: str = ""


def checks_of(case: AnyCase) -> Sequence[AnyCheck]:
    """The checks for cases of its kind."""
    table: tuple[tuple[type, Sequence[AnyCheck]], ...] = (
        (LayerCase, LAYER_CHECKS),
        (OptimizerCase, OPTIMIZER_CHECKS),
        (InitializerCase, INITIALIZER_CHECKS),
        (LossCase, LOSS_CHECKS),
        (NoiseCase, NOISE_CHECKS),
        (PairingCase, PAIRING_CHECKS),
        (ScheduleCase, SCHEDULE_CHECKS),
        (SourceCase, SOURCE_CHECKS),
        (EntryCase, ENTRY_CHECKS),
        (ModelCase, MODEL_CHECKS),
        (PluginCase, PLUGIN_CHECKS),
    )
    return next(checks for kind, checks in table if isinstance(case, kind))


def check_name(check: AnyCheck) -> str:
    """``check_backward`` as ``backward``."""
    return str(getattr(check, "__name__", check)).removeprefix("check_")


def known_failures(case: AnyCase, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The names of checks that are known to fail on a case, each with the reason.

    Args:
        more: beside the case's own.

    Raises:
        ValueError: there is no such check.
    """
    expected = {**case.expected_failures, **(more or {})}
    known = [check_name(check) for check in checks_of(case)]
    for name in expected:
        if name not in known:
            meant = suggest(name, known)
            instead = f"Did you mean {meant}?" if meant else f"Use one of: {', '.join(known)}."
            raise ValueError(f"{case.id}: expected_failures has no check {name!r}. {instead}")
    return expected


def run_checks(subject: str, case: AnyCase) -> Iterator[Outcome]:
    """The outcome of each check on a case, in order."""
    expected = known_failures(case)
    for check in checks_of(case):
        name = check_name(check)
        state, message = _run(check, case)
        if name in expected:
            if state == "failed":
                state, message = "expected", expected[name]
            elif state == "passed":
                message = f"{case.id}: is said to fail ({expected[name]}) and passes."
                state = "failed"
        yield Outcome(subject, case.id, name, state, message)
        if name == "methods" and state == "failed":
            return  # the others would fail for want of them


def prove(distribution: str) -> Iterator[Outcome]:
    """Run everything on all that an installed distribution provides.

    Args:
        distribution: its name; ``zoo`` for the built-ins.

    Raises:
        PluginError: it is not installed or cannot be loaded.
    """
    distribution = canonical(distribution)
    registry = installed(distribution)
    items = [item for item in registry if item.provider.distribution == distribution]
    models = _models(distribution, registry)
    yield from run_checks(distribution, PluginCase(distribution, len(items) + len(models)))
    for item in items:
        yield from _prove_entry(item, registry)
    for model in models:
        yield from run_checks(model.id, model)


def installed(distribution: str) -> Registry:
    """The built-ins, and what one installed distribution provides.

    Raises:
        PluginError: it is not installed or cannot be loaded.
    """
    distribution = canonical(distribution)
    known = ["zoo", *{provider.distribution for provider in discover({"ZOO_PLUGINS": ""}).left_out}]
    if distribution not in known:
        meant = suggest(distribution, known)
        instead = f"Did you mean {meant}?" if meant else f"Installed: {', '.join(sorted(known))}."
        raise PluginError(f"plugin {distribution!r}: is not installed. {instead}")
    environment = {"ZOO_PLUGINS": "" if distribution == "zoo" else distribution}
    registry = load_registry(discover(environment))
    if failures := registry.failed_plugins():
        raise PluginError(*failures)
    return registry


def cases_of(distribution: str) -> list[AnyCase]:
    """All cases of an installed distribution, for ``parametrize_with_checks``.

    Raises:
        PluginError: it is not installed or cannot be loaded, or an entry has no cases.
    """
    distribution = canonical(distribution)
    registry = installed(distribution)
    items = [item for item in registry if item.provider.distribution == distribution]
    models = _models(distribution, registry)
    cases: list[AnyCase] = [PluginCase(distribution, len(items) + len(models)), *models]
    for item in items:
        cases += _cases_of_entry(item, registry)
    return cases


def _models(distribution: str, registry: Registry) -> list[ModelCase]:
    """The cases of the trained models of a distribution, whose layers may be of other plugins."""
    everything = load_registry(discover({})) if registry.models else registry
    return [
        ModelCase(model, everything)
        for model in registry.models
        if model.provider.distribution == distribution
    ]


def _cases_of_entry(item: Registered, registry: Registry) -> list[AnyCase]:
    made = make_cases(item.entry, registry)
    return [EntryCase(item, registry, made), *(each.case for each in made)]


def _prove_entry(item: Registered, registry: Registry) -> Iterator[Outcome]:
    subject = f"{item.entry.kind} {item.entry.name}"
    try:
        cases: Iterable[AnyCase] = _cases_of_entry(item, registry)
    except Exception as error:  # whatever a plugin's code raises
        yield Outcome(subject, subject, "cases", "failed", format_error(error))
        return
    for case in cases:
        try:
            known_failures(case)
            _make(case)  # else each check would fail in the same way
        except Exception as error:  # whatever a plugin's code raises
            message = f"{case.id}: cannot be made: {format_error(error)}"
            yield Outcome(subject, case.id, "cases", "failed", message)
        else:
            yield from run_checks(subject, case)


def _make(case: AnyCase) -> None:
    """Make what a case is of, once."""
    if isinstance(case, LayerCase):
        case.module()
    elif isinstance(case, (LossCase, NoiseCase, PairingCase, ScheduleCase)):
        case.build()


def _run(check: AnyCheck, case: AnyCase) -> tuple[State, str]:
    try:
        with isolated():
            check(case)
    except NotApplicable as reason:
        return "skipped", str(reason)
    except AssertionError as failure:
        message = str(failure)  # which names the parameters in any case
        return "failed", message if case.id in message else f"{case.id}: {message}"
    except Exception as error:  # whatever a plugin's code raises
        return "failed", f"{case.id}: {format_error(error)}"
    return "passed", ""
