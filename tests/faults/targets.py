"""What is shipped with a backward pass or a step: its functions, and the kit's cases of it."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

from tests.faults.mutations import Mutant, mutants
from tests.faults.planting import planted, reached
from zoo.nn import Parameter, Sequential
from zoo.plugins.registry import Registered, Registry
from zoo.testing import NotApplicable
from zoo.testing.making import make_cases
from zoo.testing.running import check_name, checks_of, installed

DISTRIBUTIONS = ("zoo", "zoo-unet", "zoo-residual", "zoo-descent")
ROOTS = {
    "layer": ("backward",),
    "loss": ("forward", "backward"),
    "optimizer": ("update", "state_names", "step", "state_dict", "load_state_dict"),
}
LONGEST = 4.0  # seconds of the processor for a check; with a fault a loop may have no end


@dataclass(frozen=True)
class Target:
    """A class that computes.

    Attributes:
        name: for messages.
        distribution: what provides the entry whose cases are used.
        entry: its kind and name.
        kind: the class; that which the entry builds, if None.
        methods: of the class, where it is not the entry's.
    """

    name: str
    distribution: str
    entry: tuple[str, str]
    kind: type | None = None
    methods: tuple[str, ...] = ()

    def mutants(self) -> list[Mutant]:
        """All faults of its functions."""
        kind = self.kind or self._item.entry.load()
        functions = reached(kind, *(self.methods or ROOTS[self.entry[0]]))  # type: ignore[arg-type]  # a class
        return [mutant for function in functions for mutant in mutants(function)]

    def found_by(self, mutant: Mutant) -> str | None:
        """The name of the first check of the kit that fails with a fault; None if none does."""
        kind: Any = self.kind or self._item.entry.load()
        during = "backward" if self.entry[0] == "layer" and kind is not Parameter else ""
        with planted(mutant, kind, during):
            for case in self.cases:
                gradients_first = sorted(
                    checks_of(case), key=lambda it: check_name(it) != "backward"
                )
                for check in gradients_first:
                    if _fails(check, case):
                        return check_name(check)
        return None

    @property
    def cases(self) -> Sequence[Any]:
        """The kit's cases of the entry."""
        return _cases(self.distribution, *self.entry)

    @property
    def _item(self) -> Registered:
        return _registry(self.distribution).get(*self.entry)


def targets() -> list[Target]:
    """All that is installed."""
    found = [
        Target(f"{item.entry.kind}-{item.entry.name}", name, (item.entry.kind, item.entry.name))
        for name in DISTRIBUTIONS
        if _is_installed(name)
        for item in _registry(name)
        if item.provider.distribution == name and item.entry.kind in ROOTS
    ]
    adding = ("add_gradient", "grad_out", "zero_gradient", "gradient")
    found.append(Target("parameter", "zoo", ("layer", "linear"), Parameter, adding))
    if _is_installed("zoo-residual"):
        residual = ("layer", "residual")
        found.append(Target("sequential", "zoo-residual", residual, Sequential, ("backward",)))
    return found


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


@lru_cache
def _registry(name: str) -> Registry:
    return installed(name)


@lru_cache
def _cases(name: str, kind: str, entry: str) -> list[Any]:
    registry = _registry(name)
    return [made.case for made in make_cases(registry.get(kind, entry).entry, registry)]


def _fails(check: Any, case: Any) -> bool:
    try:
        with _limit():
            check(case)
    except NotApplicable:
        return False
    except Exception:  # a fault may raise anything
        return True
    return False


@contextmanager
def _limit() -> Iterator[None]:
    """A TimeoutError where a check takes too long."""

    def stop(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, LONGEST)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
