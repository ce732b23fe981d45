"""The contract of an entry of any kind, and of a plugin, one check for each clause."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import torch

from zoo.compiler import Compiler
from zoo.plugins.discovery import discover
from zoo.plugins.python_subprocess import run_python
from zoo.plugins.records import LayerEntry, ReferencedEntry
from zoo.plugins.registry import Registered, Registry, load_lowerings
from zoo.plugins.schema_lint import lint
from zoo.testing.cases import normal, seeded
from zoo.testing.comparisons import NotApplicable, require
from zoo.testing.files import IMAGE, in_a_file
from zoo.testing.made import Made
from zoo.testing.schemas import schema_differences, wrong_defaults
from zoo.train import TrainStep

# Loads a plugin as zoo does, then what is needed to check a file, and prints what imported torch.
CHILD: Final = """
import sys
from zoo.plugins.discovery import discover
from zoo.plugins.registry import load_registry

distribution = sys.argv[1]

def stop_at(what):
    if "torch" in sys.modules:
        print(what)
        sys.exit()

stop_at("zoo")
registry = load_registry(discover({"ZOO_PLUGINS": "" if distribution == "zoo" else distribution}))
stop_at("the module of its entry point, or a hook in it,")
for item in registry:
    if item.provider.distribution == distribution:
        for name in ("load_shape_rule", "load_check"):
            getattr(item.entry, name, lambda: None)()
            stop_at(f"the {name.removeprefix('load_')} of {item.entry.kind} {item.entry.name}")
"""


@dataclass(frozen=True)
class EntryCase:
    """An entry, and what it is tried with.

    Attributes:
        registered: the entry and who provides it.
        registry: has it, and the entries that its parameters can name.
        made: its cases.
        expected_failures: names of checks that are known to fail, each with the reason.
    """

    registered: Registered
    registry: Registry
    made: Sequence[Made] = ()
    expected_failures: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The name of the entry in reports and messages."""
        return f"{self.registered.entry.kind} {self.registered.entry.name}"


@dataclass(frozen=True)
class PluginCase:
    """A distribution with plugins.

    Attributes:
        id: its name.
        entries: how many it provides.
        expected_failures: names of checks that are known to fail, each with the reason.
    """

    id: str
    entries: int
    expected_failures: Mapping[str, str] = field(default_factory=dict)


EntryCheck = Callable[[EntryCase], None]
PluginCheck = Callable[[PluginCase], None]


def check_schema(case: EntryCase) -> None:
    """The schema says what the factory's signature says, and accepts its own defaults."""
    entry = case.registered.entry
    found = [*lint(entry.schema, "schema"), *wrong_defaults(entry.schema)]
    found += schema_differences(entry, entry.schema, case.registry)
    require(not found, f"{case.id}: {' '.join(found)}")


def check_references(case: EntryCase) -> None:
    """What the entry names in strings can be imported."""
    entry = case.registered.entry
    entry.load()
    entry.load_check()
    entry.load_cases()
    if isinstance(entry, LayerEntry):
        entry.load_shape_rule()
        entry.load_onnx()
    if isinstance(entry, ReferencedEntry):
        entry.load_torch_reference()


def check_in_a_file(case: EntryCase) -> None:
    """With each case an architecture file compiles, and a step of training has a finite loss."""
    kind = case.registered.entry.kind
    if not case.made:
        raise NotApplicable("a source may need files that are not here; declare cases with files")
    for made in case.made:
        shape = made.source.input or IMAGE
        if made.inferred is not None and len(made.inferred.info.output_shape) != len(IMAGE):
            raise NotApplicable("its output is no image")
        compiler = Compiler(
            in_a_file(kind, made.table, case.registry, made.inferred, shape), case.registry
        )
        compiler.schedule()
        model = compiler.model(seeded(0))
        step = TrainStep(model, compiler.loss(), compiler.optimizer(model.param()))
        shape = (2, 3, *shape[1:])
        loss = step(normal(shape, 1, torch.float32), normal(shape, 2, torch.float32))
        require(
            bool(loss.isfinite()),
            f"{case.id}: in a file, as {dict(made.table)}, the loss of a training step is {loss}.",
        )


def check_contributes(case: PluginCase) -> None:
    """The plugin provides something."""
    require(
        case.entries > 0,
        f"{case.id}: provides nothing. Mark functions with @zoo.hookimpl (zoo.plugins.hookspecs).",
    )


def check_no_torch(case: PluginCase) -> None:
    """Loading the plugin, and what checks a file, imports no torch; in a process of its own."""
    result = run_python(CHILD, case.id)
    require(
        result.returncode == 0,
        f"{case.id}: cannot be loaded in a process of its own: {result.stderr.strip()}",
    )
    require(
        not result.stdout,
        f"{case.id}: {result.stdout.strip()} imports torch. "
        "Import it only where the factories are.",
    )


def check_lowerings(case: PluginCase) -> None:
    """The layers of the plugin's lowerings, and what lowers them, can be imported."""
    lowerings = load_lowerings(discover({"ZOO_PLUGINS": "" if case.id == "zoo" else case.id}))
    for lowering in lowerings:
        lowering.load()
        layer = lowering.load_layer()
        name = f"{layer.__module__}:{layer.__qualname__}"  # as the engine looks for it
        require(
            name == lowering.layer,
            f"{case.id}: the lowering of {lowering.layer!r} is never used: the class is {name!r}. "
            "Write that.",
        )
    if not lowerings:
        raise NotApplicable("there are no lowerings")


ENTRY_CHECKS: Final[Sequence[EntryCheck]] = (check_schema, check_references, check_in_a_file)
PLUGIN_CHECKS: Final[Sequence[PluginCheck]] = (
    check_contributes,
    check_no_torch,
    check_lowerings,
)
