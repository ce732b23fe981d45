"""The rules of CONTRIBUTING.md that a program can check, and a check of each rule.

A rule looks at one module and gives a line for each place that breaks it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import tomli

ROOT = Path(__file__).parents[1]
PLUGINS = [tomli.loads(path.read_text()) for path in ROOT.glob("plugins/*/pyproject.toml")]
PLUGIN_NAMES = [plugin["project"]["name"] for plugin in PLUGINS]

# What each part of zoo may import from the others, in the order in which data flows: TOML,
# architecture, compiler, engine, train, the commands. ``spec`` and ``plugins`` file by file.
SPEC = {
    *("spec.shapes", "spec.arguments", "spec.constraints", "spec.parameters"),
    *("spec.input_range", "spec.layer_info", "spec.sizes", "spec.value_range"),
}
PLUGINS_READ = {
    *("plugins.records", "plugins.lowering", "plugins.model_entry", "plugins.registry"),
    *("plugins.distributions", "plugins.isolation"),
}
PLUGINS_FOUND = {*PLUGINS_READ, "plugins.discovery", "plugins.static_source"}
TEXTBOOK = {"init", "nn", "optim"}
ONNX = {"optional", "export.graph", "export.layers", "export.runtime"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "locks": set(),
    "optional": {"errors"},
    "pickled": set(),
    "temporary": {"locks"},
    "files": {"errors", "temporary"},
    "malloc": set(),
    "version": set(),
    "limits": set(),
    "spec": set(),
    "spec.schemas": set(),
    "spec.shapes": {"errors"},
    "spec.sizes": set(),
    "spec.value_range": set(),
    "spec.arguments": {"errors", "spec.shapes"},
    "spec.constraints": {"errors"},
    "spec.input_range": set(),
    "spec.layer_info": {"spec.input_range"},
    "spec.parameters": {"errors"},
    "spec.shape_rules": {"errors", *SPEC},
    "plugins": set(),
    "plugins.synonyms": set(),
    "plugins.suggestions": {"plugins.synonyms"},
    "plugins.static_source": set(),
    "plugins.python_subprocess": set(),
    "plugins.schema_lint": {"errors", "spec.schemas", "spec.arguments", "plugins.suggestions"},
    "plugins.isolation": {"errors"},
    "plugins.distributions": {"errors", "files"},
    "plugins.scaffold": {"errors", "version", "plugins.distributions"},
    "plugins.object_reference": {"errors", "plugins.isolation"},
    "plugins.records": {
        *("errors", "spec.layer_info", "plugins.schema_lint", "plugins.object_reference"),
    },
    "plugins.lowering": {"errors", "plugins.object_reference"},
    "plugins.model_entry": {"errors", "files"},
    "plugins.hookspecs": {"plugins.records", "plugins.lowering", "plugins.model_entry"},
    "plugins.declared_layer": {
        *("errors", "plugins.records", "spec.layer_info", "spec.parameters"),
    },
    "plugins.builtins": {"spec.schemas", "plugins.records", "plugins.hookspecs"},
    "plugins.discovery": {
        *("errors", "plugins.records", "plugins.hookspecs", "plugins.builtins"),
        *("plugins.model_entry", "plugins.static_source"),
        *("plugins.distributions", "plugins.isolation", "plugins.declared_layer", "version"),
    },
    "plugins.registry": {
        *("errors", "plugins.records", "plugins.lowering", "plugins.discovery"),
        *("plugins.model_entry", "plugins.declared_layer"),
        *("plugins.distributions", "plugins.isolation"),
    },
    "architecture": {
        "errors",
        "files",
        *SPEC,
        "spec.schemas",
        *PLUGINS_READ,
        "plugins.suggestions",
    },
    "describe": {
        *(
            "errors",
            "files",
            "version",
            "spec.schemas",
            *PLUGINS_FOUND,
            "plugins.python_subprocess",
        ),
        "architecture",
    },
    "sweep": {
        *("errors", "files", "locks", "spec.schemas", "architecture", *PLUGINS_READ),
    },
    "report": {
        *("errors", "files", "locks", "pickled", "version", *SPEC, "plugins.registry"),
        *("architecture", "describe", "sweep"),
    },
    "init": {"errors", *SPEC},
    "nn": {"errors", *SPEC, "init"},
    "optim": {"errors", *SPEC},
    "pictures": {"errors", "files", "limits", "spec.value_range"},
    "distributed": {"errors", "limits"},
    "data": {"errors", "files", "limits", "pickled", *SPEC, "pictures", "distributed"},
    "compiler": {"errors", *SPEC, *PLUGINS_READ, "architecture", *TEXTBOOK, "data", "pictures"},
    "engine": {"errors", "malloc", *SPEC, *PLUGINS_READ, "init", "nn", "distributed"},
    "inference": {"errors", "files", "limits", *SPEC, "init", "nn", "pictures", "engine"},
    "data_check": {"errors", "data", "inference"},
    "train": {
        "optional",
        *("errors", "files", "malloc", "locks", "temporary", *SPEC, "spec.schemas"),
        *(
            *PLUGINS_READ,
            "plugins.suggestions",
            "architecture",
            "describe",
            *TEXTBOOK,
            "data",
            "compiler",
            "distributed",
            "engine",
            "inference",
        ),
    },
    "export.graph": {
        "errors",
        "version",
        "spec.sizes",
        "plugins.isolation",
        "nn",
        "optional",
    },
    "export.layers": {"nn", "export.graph"},
    "export.runtime": {"optional"},
    "zoo": {  # zoo/__init__.py
        *("errors", *SPEC, *PLUGINS_READ, "plugins.hookspecs", "plugins.declared_layer"),
        *("architecture", "nn", "optim", "data", "engine", "inference", "train"),
    },
    "testing": {
        *("errors", *SPEC, "spec.schemas", *PLUGINS_FOUND, "plugins.schema_lint", "describe"),
        *("plugins.suggestions", "plugins.python_subprocess", "architecture", *TEXTBOOK),
        *("data", "compiler", "engine", "train", *ONNX),
    },
    "single": {
        *("errors", *PLUGINS_READ, "architecture", "nn", "compiler", "data", "pictures"),
        *("spec.value_range", "inference", "train"),
    },
    "export": {
        *("errors", "files", "temporary", *SPEC, *PLUGINS_READ, "plugins.python_subprocess"),
        *("architecture", "describe", "nn", "compiler", "engine", "inference", "train"),
        *("testing", *ONNX),
    },
    "torch_backend": {
        *("errors", *PLUGINS_READ, "architecture", "nn", "optim", "compiler", "engine"),
        *("inference", "testing", "distributed"),
    },
    "bench": {
        *("errors", *PLUGINS_READ, "plugins.python_subprocess", "architecture", "describe"),
        *("data", *TEXTBOOK, "spec.shapes", "compiler", "engine", "inference", "train", "testing"),
        "torch_backend",
    },
    "cluster": {
        *("errors", "files", "locks", "optional", "temporary", *PLUGINS_FOUND, "sweep"),
        *("pictures", "inference", "train"),
    },
    "doctor": {
        *("errors", "limits", *PLUGINS_FOUND, "describe", *TEXTBOOK, "data", "engine", "train"),
    },
    "cli": {
        *("errors", "files", "version", "malloc", *SPEC, "spec.schemas", *PLUGINS_FOUND),
        *("plugins.scaffold", "plugins.suggestions", "architecture", "describe", "data"),
        *("pictures", "compiler", "engine", "inference", "train", "zoo", "testing", "export"),
        *("optional", "torch_backend", "bench", "doctor", "single", "data_check", "sweep"),
        *("cluster", "limits", "report", "distributed"),
    },
    "__main__": {"cli"},
}
PACKAGES = {part.partition(".")[0] for part in MAY_IMPORT} - {"zoo"}
LOOSE = {
    *("__init__", "__main__", "errors", "files", "temporary", "compiler", "limits", "malloc"),
    *("version", "locks", "optional", "pickled"),
}

WITHOUT_TORCH = {
    *("errors", "files", "locks", "temporary", "limits", "version", "spec", "plugins"),
    *("pickled", "architecture", "describe", "pictures", "report", "sweep"),
}
A_PLUGIN_MAY_IMPORT = re.compile(
    r"zoo(\.(nn|optim|init|errors|testing|engine|export|spec(\.\w+)?))?"
)
GRADIENTS_OF_TORCH = {
    "requires_grad",
    "requires_grad_",
    "grad_fn",
    "enable_grad",
    "set_grad_enabled",
}
REFUSES_GRADIENTS = "zoo/train/checkpoint_content.py"  # of a checkpoint's tensors
OF_TORCH = re.compile(r"nn|autograd|func|fx|jit|ops|_C|_\w*nn|\w*conv(olution|_?\w*\d)\w*")


READ_ONLY = re.compile(r"(Final\[)?(Mapping|Sequence)\[")


@dataclass(frozen=True)
class Source:
    """A Python file: its path in the repository, its text and its tree."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def part(self) -> str:
        """The part of zoo it belongs to: ``nn``, ``spec.shapes``, or ``zoo`` itself."""
        return part_of(".".join(Path(self.path).with_suffix("").parts[1:]))

    @property
    def package(self) -> str:
        return self.part.partition(".")[0]


def part_of(name: str) -> str:
    """The part of zoo that a dotted name within it is in, ``nn`` of ``nn.module.Module``."""
    first, _, rest = name.partition(".")
    second = f"{first}.{rest.partition('.')[0]}"
    return next((part for part in (second, first) if part in MAY_IMPORT), "zoo")


Rule = Callable[[Source], Iterator[str]]


def files(pattern: str) -> list[Source]:
    paths = sorted(ROOT.glob(pattern))
    return [Source(path.relative_to(ROOT).as_posix(), path.read_text("utf-8")) for path in paths]


ZOO = files("zoo/**/*.py")
OF_PLUGINS = [
    source
    for source in files("plugins/*/**/*.py")
    if not {"tests", "recipes"} & {*Path(source.path).parts}
]


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything that is imported, wherever the statement stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def dotted(node: ast.AST) -> str:
    """``a.b.c`` of an attribute of an attribute of a name, else ``""``."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (base := dotted(node.value)):
        return f"{base}.{node.attr}"
    return ""


PRIVATE = {
    f"zoo/engine/capture/{name}.py" for name in ("cpu_recorder", "private", "torchscript", "trace")
}


def no_library_gradients_or_convolutions(source: Source) -> Iterator[str]:
    """Layers are written by hand; what compares them with torch's may use torch's.

    That is zoo.testing, zoo.torch_backend, zoo.bench, and a plugin's cases and torch references.
    And the modules of zoo.engine.capture in PRIVATE run again what layers have run;
    tests/engine/capture/test_trace.py sees that no convolution is among it.
    """
    of_plugin = re.fullmatch(r"plugins/.*/(cases|torch_references)\.py", source.path)
    if source.part in {"testing", "torch_backend", "bench"} or of_plugin or source.path in PRIVATE:
        return
    used = list(imports(source.tree))
    aliases = {"torch"}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            aliases |= {item.asname for item in node.names if item.name == "torch" and item.asname}
        if isinstance(node, ast.Attribute):
            first, _, rest = dotted(node).partition(".")
            if first in aliases:
                used.append((node.lineno, f"torch.{rest}"))
            if node.attr in GRADIENTS_OF_TORCH and source.path != REFUSES_GRADIENTS:
                yield f"{source.path}:{node.lineno}: {node.attr}"
        called = dotted(node.func) if isinstance(node, ast.Call) else ""
        if called == "getattr" and aliases & set(map(dotted, node.args)):
            yield f"{source.path}:{node.lineno}: getattr of torch"
    for line, name in used:
        package, _, rest = name.partition(".")
        if package == "torch" and OF_TORCH.fullmatch(rest.partition(".")[0]):
            yield f"{source.path}:{line}: {name}"


def imports_go_one_way(source: Source) -> Iterator[str]:
    """Each part of zoo imports only from those before it."""
    for line, name in imports(source.tree):
        if name.startswith("."):
            yield f"{source.path}:{line}: {name} is relative"
        package, _, rest = name.partition(".")
        if package == "zoo":
            part = part_of(rest)
            if part != source.part and part not in MAY_IMPORT[source.part]:
                yield f"{source.path}:{line}: {source.part} imports {name}"


def no_torch_before_the_compiler(source: Source) -> Iterator[str]:
    """Listing, checking and completing take no torch."""
    if source.package in WITHOUT_TORCH:
        for line, name in imports(source.tree):
            library = name.partition(".")[0]
            if library == "torch" or (library == "numpy" and source.part != "pictures"):
                yield f"{source.path}:{line}: {name}"


def only_the_command_line_prints_and_exits(source: Source) -> Iterator[str]:
    """Everything else returns values and raises errors."""
    if source.part in {"cli", "__main__"}:
        return
    for line, name in imports(source.tree):
        if name.partition(".")[0] in {"click", "rich"}:
            yield f"{source.path}:{line}: {name}"
    for node in ast.walk(source.tree):
        name = ""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = node.func.id if node.func.id in {"print", "input", "exit", "quit"} else ""
        elif isinstance(node, ast.Attribute):
            ways_out = {"sys.exit", "os._exit", "sys.stdout", "sys.stderr"}
            ways_out |= set() if source.part == "zoo" else {"warnings.warn"}  # the Python interface
            name = dotted(node) if dotted(node) in ways_out else ""
        elif isinstance(node, ast.Raise) and node.exc is not None:
            raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            name = dotted(raised) if dotted(raised) == "SystemExit" else ""
        if name:
            yield f"{source.path}:{node.lineno}: {name}"


def no_state_of_modules(source: Source) -> Iterator[str]:
    """No function rebinds a module's name; outside zoo.cli no module has a list, dict or set.

    One that is annotated as a Mapping or Sequence is guarded by mypy.
    """
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Global):
            yield f"{source.path}:{node.lineno}: global {', '.join(node.names)}"
    mutable = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
    for node in source.tree.body:
        if isinstance(node, ast.Assign):
            names = [dotted(target) for target in node.targets]
        elif isinstance(node, ast.AnnAssign) and not READ_ONLY.match(ast.unparse(node.annotation)):
            names = [dotted(node.target)]
        else:
            continue
        made = isinstance(node.value, ast.Call) and dotted(node.value.func).split(".")[-1]
        if source.part == "cli" or names == ["__all__"]:
            continue
        if isinstance(node.value, mutable) or made in {"list", "dict", "set", "defaultdict"}:
            yield f"{source.path}:{node.lineno}: {', '.join(names)}"


def no_plugin_is_named(source: Source, names: list[str] = PLUGIN_NAMES) -> Iterator[str]:
    """zoo knows no plugin; those in plugins/ use it like anybody's."""
    for name in names:
        for line, text in enumerate(source.text.splitlines(), 1):
            found = re.findall(rf"\b{re.sub('[-_.]', '[-_.]', name)}\b", text)
            if set(found) - {"zoo_models"}:  # which is also the name of a hook
                yield f"{source.path}:{line}: {name}"


def a_plugin_imports_only_what_is_public(source: Source) -> Iterator[str]:
    """Of zoo only what :data:`A_PLUGIN_MAY_IMPORT` says; no module inside ``zoo.nn``."""
    for node in ast.walk(source.tree):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            modules = [str(node.module)]
            if node.module == "zoo":  # from zoo import nn, hookimpl
                modules += [f"zoo.{alias.name}" for alias in node.names if alias.name in PACKAGES]
        for module in modules:
            if module.partition(".")[0] == "zoo" and not A_PLUGIN_MAY_IMPORT.fullmatch(module):
                yield f"{source.path}:{node.lineno}: {module}"


RULES: list[tuple[Rule, list[Source]]] = [
    (no_library_gradients_or_convolutions, [*ZOO, *OF_PLUGINS]),
    (imports_go_one_way, ZOO),
    (no_torch_before_the_compiler, ZOO),
    (only_the_command_line_prints_and_exits, [*ZOO, *OF_PLUGINS]),
    (no_state_of_modules, [*ZOO, *OF_PLUGINS]),
    (no_plugin_is_named, ZOO),
    (a_plugin_imports_only_what_is_public, OF_PLUGINS),
]


@pytest.mark.parametrize(("rule", "sources"), RULES, ids=[rule.__name__ for rule, _ in RULES])
def test_the_rule_is_kept(rule: Rule, sources: list[Source]) -> None:
    assert [line for source in sources for line in rule(source)] == []


def test_all_of_zoo_is_looked_at() -> None:
    parts = {source.part for source in ZOO}
    assert parts == set(MAY_IMPORT)


def test_data_flows_one_way() -> None:
    """A part may import only from those above it in the table."""
    parts = list(MAY_IMPORT)
    for number, part in enumerate(parts):
        assert MAY_IMPORT[part] - set(parts[:number]) == set(), part
    flow = ["errors", "plugins.registry", "architecture", "compiler", "engine", "train", "cli"]
    assert sorted(flow, key=parts.index) == flow


def test_few_modules_lie_loose() -> None:
    assert {path.stem for path in ROOT.glob("zoo/*.py")} <= LOOSE


BROKEN: list[tuple[Rule, str, str]] = [
    *(
        (no_library_gradients_or_convolutions, "zoo/nn/bad.py", code)
        for code in (
            "import torch.nn",
            "import torch.nn.functional as F",
            "from torch import nn",
            "from torch.nn import functional",
            "from torch.nn.functional import relu",
            "from torch import autograd",
            "from torch.autograd import Function",
            "from torch import conv2d",
            "import torch\ny = torch.conv2d(x, w)",
            "import torch\ny = torch.conv_transpose2d(x, w)",
            "import torch\ny = torch.convolution(x, w)",
            "import torch\ny = torch.mkldnn_convolution(x, w)",
            "import torch as t\ny = t.nn.functional.conv2d(x, w)",
            "import torch\ny = torch.ops.aten.convolution.default(x, w)",
            "import torch\ny = torch._C._nn.mkldnn_linear(x, w)",
            "import torch\ny = getattr(torch, 'conv' + '2d')(x, w)",
            "import torch\ng = torch.autograd.grad(y, x)",
            "import torch\ng = torch.func.grad(f)(x)",
            "x.requires_grad_()",
            "x.requires_grad = True",
            "import torch\nwith torch.enable_grad():\n    pass",
        )
    ),
    (imports_go_one_way, "zoo/errors.py", "import zoo"),
    (imports_go_one_way, "zoo/errors.py", "from zoo.plugins.records import Entry"),
    (imports_go_one_way, "zoo/nn/bad.py", "from zoo.architecture import read_architecture"),
    (imports_go_one_way, "zoo/nn/bad.py", "from zoo.train.step import TrainStep"),
    (imports_go_one_way, "zoo/nn/bad.py", "from zoo.data.batch import Batch"),
    (imports_go_one_way, "zoo/nn/bad.py", "def f():\n    import zoo.cli"),
    (imports_go_one_way, "zoo/nn/bad.py", "from zoo import plugins"),
    (imports_go_one_way, "zoo/nn/bad.py", "from zoo.plugins import registry"),
    (imports_go_one_way, "zoo/nn/bad.py", "from zoo.engine import lower"),
    (imports_go_one_way, "zoo/engine/bad.py", "from zoo.optim import Adam"),
    (imports_go_one_way, "zoo/engine/bad.py", "from zoo.train import TrainStep"),
    (imports_go_one_way, "zoo/spec/shapes.py", "from zoo.spec.arguments import pair"),
    (imports_go_one_way, "zoo/spec/shapes.py", "from zoo.spec import arguments"),
    (imports_go_one_way, "zoo/architecture/bad.py", "from zoo.plugins import builtins"),
    (imports_go_one_way, "zoo/nn/bad.py", "from zoo import load_model"),
    (imports_go_one_way, "zoo/nn/bad.py", "from .relu import ReLU"),
    (imports_go_one_way, "zoo/architecture/bad.py", "from zoo.nn import ReLU"),
    (imports_go_one_way, "zoo/data/bad.py", "from zoo.compiler import Compiler"),
    (imports_go_one_way, "zoo/compiler.py", "from zoo.train import TrainStep"),
    (imports_go_one_way, "zoo/train/bad.py", "from zoo.cli import main"),
    (imports_go_one_way, "zoo/train/bad.py", "from zoo.testing import LayerCase"),
    (imports_go_one_way, "zoo/testing/bad.py", "from zoo.cli import main"),
    (imports_go_one_way, "zoo/testing/bad.py", "from zoo.bench.variants import Sides"),
    (imports_go_one_way, "zoo/testing/bad.py", "from zoo.torch_backend import TorchBackend"),
    (imports_go_one_way, "zoo/train/bad.py", "from zoo.bench.variants import Sides"),
    (imports_go_one_way, "zoo/train/bad.py", "from zoo.torch_backend import TorchBackend"),
    (imports_go_one_way, "zoo/bench/bad.py", "from zoo.cli import main"),
    (imports_go_one_way, "zoo/__init__.py", "def f():\n    from zoo.cli import main"),
    (no_torch_before_the_compiler, "zoo/architecture/bad.py", "import torch"),
    (
        no_torch_before_the_compiler,
        "zoo/plugins/registry.py",
        "def f():\n    from torch import Tensor",
    ),
    (no_torch_before_the_compiler, "zoo/spec/schemas.py", "import numpy as np"),
    (only_the_command_line_prints_and_exits, "zoo/train/bad.py", "print('done')"),
    (only_the_command_line_prints_and_exits, "zoo/train/bad.py", "import sys\nsys.exit(1)"),
    (only_the_command_line_prints_and_exits, "zoo/train/bad.py", "import os\nos._exit(1)"),
    (only_the_command_line_prints_and_exits, "zoo/train/bad.py", "raise SystemExit(1)"),
    (only_the_command_line_prints_and_exits, "zoo/train/bad.py", "exit()"),
    (only_the_command_line_prints_and_exits, "zoo/train/bad.py", "from click import echo"),
    (only_the_command_line_prints_and_exits, "zoo/train/bad.py", "sys.stderr.write('')"),
    (only_the_command_line_prints_and_exits, "zoo/train/bad.py", "warnings.warn('')"),
    (no_state_of_modules, "zoo/nn/bad.py", "CACHE = {}"),
    (no_state_of_modules, "zoo/nn/bad.py", "CACHE: dict[str, int] = {}"),
    (no_state_of_modules, "zoo/nn/bad.py", "SEEN = set()"),
    (no_state_of_modules, "zoo/nn/bad.py", "NAMES = [name for name in 'ab']"),
    (no_state_of_modules, "zoo/cli/bad.py", "def f():\n    global done\n    done = True"),
    (a_plugin_imports_only_what_is_public, "plugins/a/a.py", "import zoo.nn.module"),
    (a_plugin_imports_only_what_is_public, "plugins/a/a.py", "from zoo.nn.module import Module"),
    (a_plugin_imports_only_what_is_public, "plugins/a/a.py", "from zoo import plugins"),
    (a_plugin_imports_only_what_is_public, "plugins/a/a.py", "from zoo.plugins import registry"),
    (a_plugin_imports_only_what_is_public, "plugins/a/a.py", "from zoo.engine.conv import fprop"),
    (a_plugin_imports_only_what_is_public, "plugins/a/a.py", "from zoo.optim.sgd import SGD"),
]


@pytest.mark.parametrize(("rule", "path", "code"), BROKEN)
def test_the_rule_is_broken(rule: Rule, path: str, code: str) -> None:
    assert list(rule(Source(path, code)))


KEPT: list[tuple[Rule, str, str]] = [
    (
        no_library_gradients_or_convolutions,
        "zoo/nn/good.py",
        "import torch\nwith torch.no_grad():\n    y = torch.relu(layer.backward(x.unfold(0, 1)))",
    ),
    (no_library_gradients_or_convolutions, "zoo/testing/good.py", "import torch.nn"),
    (no_library_gradients_or_convolutions, "plugins/a/zoo_a/cases.py", "import torch.nn"),
    (
        no_library_gradients_or_convolutions,
        "plugins/a/zoo_a/torch_references.py",
        "import torch.nn",
    ),
    (no_library_gradients_or_convolutions, "zoo/bench/good.py", "x.requires_grad_()"),
    (no_library_gradients_or_convolutions, "zoo/nn/good.py", '"""As torch.nn.Conv2d."""'),
    (imports_go_one_way, "zoo/nn/good.py", "from zoo.nn.module import Module"),
    (imports_go_one_way, "zoo/nn/good.py", "import zooming"),
    (imports_go_one_way, "zoo/nn/good.py", "from zoo.spec import shapes"),
    (imports_go_one_way, "zoo/engine/good.py", "from zoo.nn import Module"),
    (imports_go_one_way, "zoo/train/good.py", "from zoo.engine import lower"),
    (imports_go_one_way, "zoo/spec/shape_rules.py", "from zoo.spec import shapes"),
    (only_the_command_line_prints_and_exits, "zoo/cli/good.py", "print('done')"),
    (
        only_the_command_line_prints_and_exits,
        "zoo/plugins/discovery.py",
        "try:\n    pass\nexcept SystemExit:\n    pass",
    ),
    (
        no_state_of_modules,
        "zoo/nn/good.py",
        "__all__ = ['a']\nNAMES = ('a', 'b')\nONE = frozenset()",
    ),
    (no_state_of_modules, "zoo/nn/good.py", "TABLE: Final[Mapping[str, int]] = {'a': 1}"),
    (no_state_of_modules, "zoo/cli/good.py", "COMMANDS = {}"),
    (
        a_plugin_imports_only_what_is_public,
        "plugins/a/a.py",
        "import zoo\nimport torch\nfrom zoo.nn import Module\nfrom zoo.optim import Optimizer\n"
        "from zoo.init import Initializer\nfrom zoo import hookimpl, input_range\n"
        "from zoo.spec.arguments import positive\nfrom zoo.spec import shapes\n"
        "from zoo.engine import lower",
    ),
]


@pytest.mark.parametrize(("rule", "path", "code"), KEPT)
def test_the_rule_lets_pass(rule: Rule, path: str, code: str) -> None:
    assert list(rule(Source(path, code))) == []


@pytest.mark.parametrize("text", ["zoo-swish", "import zoo_swish", "'zoo.swish'"])
def test_a_plugin_that_is_named_is_found(text: str) -> None:
    source = Source("zoo/nn/bad.py", f"# one line\n{text}")
    assert list(no_plugin_is_named(source, ["zoo-swish"])) == ["zoo/nn/bad.py:2: zoo-swish"]
    assert list(no_plugin_is_named(source, ["zoo-swi"])) == []
