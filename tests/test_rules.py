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

# What a part of zoo may import from the others: data flows one way.
SHARED = {"errors", "shapes", "arguments"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "shapes": {"errors"},
    "arguments": {"errors", "shapes"},
    "constraints": {"errors"},
    "seeding": {"errors"},
    "suggestions": set(),
    "files": {"errors"},
    "schemas": set(),
    "schema_lint": {"errors", "arguments", "suggestions", "schemas"},
    "input_range": set(),
    "layer_info": {"input_range"},
    "shape_rules": SHARED | {"layer_info", "input_range"},
    "entries": {"errors", "schema_lint", "layer_info"},
    "hookspecs": {"entries"},
    "builtins": {"entries", "hookspecs", "schemas"},
    "unimported": set(),
    "child": set(),
    "malloc": set(),
    "scaffold": set(),
    "discovery": {"errors", "entries", "hookspecs", "builtins", "unimported"},
    "registry": {"errors", "entries", "discovery"},
    "architecture": {
        *("errors", "constraints", "suggestions", "schemas", "shapes", "entries", "layer_info"),
        *("input_range", "registry"),
    },
    "init": SHARED | {"constraints"},
    "nn": SHARED | {"init"},
    "optim": SHARED | {"constraints"},
    "data": SHARED | {"constraints", "seeding"},
    "compiler": SHARED | {"entries", "registry", "architecture", "init", "nn", "optim", "data"},
}
OF_ENTRIES = {"errors", "schemas", "entries", "registry", "architecture"}
MAY_IMPORT["catalogue"] = OF_ENTRIES | {"child", "discovery", "unimported"}
MAY_IMPORT["editor_schema"] = OF_ENTRIES
MAY_IMPORT["starter"] = OF_ENTRIES
MAY_IMPORT["train"] = {*MAY_IMPORT, "compiler"} - {"builtins", "hookspecs"}
MAY_IMPORT["testing"] = {*MAY_IMPORT, "train"}
MAY_IMPORT["zoo"] = {*MAY_IMPORT, "train"}  # zoo/__init__.py
MAY_IMPORT["bench"] = {*MAY_IMPORT} - {"zoo"}
MAY_IMPORT["cli"] = {*MAY_IMPORT, "train", "zoo"}
MAY_IMPORT["__main__"] = {"cli"}

WITHOUT_TORCH = {
    *("errors", "shapes", "arguments", "schemas", "input_range", "layer_info", "shape_rules"),
    *("constraints", "schema_lint"),
    *("suggestions", "entries", "hookspecs", "builtins", "discovery", "registry", "architecture"),
    *("unimported", "child", "catalogue", "editor_schema", "files", "starter", "scaffold"),
}
A_PLUGIN_MAY_IMPORT = {
    *(
        "zoo",
        "zoo.nn",
        "zoo.optim",
        "zoo.init",
        "zoo.errors",
        "zoo.spec.input_range",
        "zoo.testing",
    ),
    *("zoo.spec.arguments", "zoo.spec.shapes"),
}
GRADIENTS_OF_TORCH = {
    "requires_grad",
    "requires_grad_",
    "grad_fn",
    "enable_grad",
    "set_grad_enabled",
}
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
        """The part of zoo it belongs to: ``nn``, ``compiler``, or ``zoo`` itself."""
        names = Path(self.path).with_suffix("").parts
        if names[0] == "schemas":
            return "schemas"
        return "zoo" if names[1] == "__init__" else names[1]


Rule = Callable[[Source], Iterator[str]]


def files(pattern: str) -> list[Source]:
    paths = sorted(ROOT.glob(pattern))
    return [Source(path.relative_to(ROOT).as_posix(), path.read_text("utf-8")) for path in paths]


ZOO = [*files("zoo/**/*.py"), *files("schemas/*.py")]
OF_PLUGINS = [source for source in files("plugins/*/**/*.py") if "/tests/" not in source.path]


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


RUN_AGAIN = {"zoo/train/tape.py", "zoo/train/program.py"}


def no_library_gradients_or_convolutions(source: Source) -> Iterator[str]:
    """Layers are written by hand; what compares them with torch's may use torch's.

    That is zoo.testing, zoo.bench, and a plugin's cases and twins. And two modules of zoo.train run
    again what layers have run; tests/train/test_tape.py sees that no convolution is among it.
    """
    of_plugin = re.fullmatch(r"plugins/.*/(cases|twins)\.py", source.path)
    if source.part in {"testing", "bench"} or of_plugin or source.path in RUN_AGAIN:
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
            if node.attr in GRADIENTS_OF_TORCH:
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
        part = rest.partition(".")[0]
        if package == "zoo":
            part = part if part in MAY_IMPORT else "zoo"
            if part != source.part and part not in MAY_IMPORT[source.part]:
                yield f"{source.path}:{line}: {source.part} imports {name}"


def no_torch_before_the_compiler(source: Source) -> Iterator[str]:
    """Listing, checking and completing take no torch."""
    if source.part in WITHOUT_TORCH:
        for line, name in imports(source.tree):
            if name.partition(".")[0] in {"torch", "numpy"}:
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
            if re.search(rf"\b{re.sub('[-_.]', '[-_.]', name)}\b", text):
                yield f"{source.path}:{line}: {name}"


def a_plugin_imports_only_what_is_public(source: Source) -> Iterator[str]:
    """Of zoo only ``zoo`` itself, what layers share, ``testing``, and where the base classes are.

    Shared are ``errors``, ``arguments``, ``shapes`` and ``input_range``; the base classes are in
    ``zoo.nn`` for layers, ``zoo.optim`` for optimizers and ``zoo.init`` for initializers; no module
    inside.
    """
    for node in ast.walk(source.tree):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            modules = [str(node.module)]
            if node.module == "zoo":  # from zoo import nn, hookimpl
                modules += [f"zoo.{item.name}" for item in node.names if item.name in MAY_IMPORT]
        for module in modules:
            if module.partition(".")[0] == "zoo" and module not in A_PLUGIN_MAY_IMPORT:
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
    (imports_go_one_way, "zoo/nn/bad.py", "from zoo import registry"),
    (imports_go_one_way, "zoo/nn/bad.py", "from zoo import load_model"),
    (imports_go_one_way, "zoo/nn/bad.py", "from .relu import ReLU"),
    (imports_go_one_way, "zoo/architecture/bad.py", "from zoo.nn import ReLU"),
    (imports_go_one_way, "zoo/data/bad.py", "from zoo.compiler import Compiler"),
    (imports_go_one_way, "zoo/compiler.py", "from zoo.train import TrainStep"),
    (imports_go_one_way, "zoo/train/bad.py", "from zoo.cli import main"),
    (imports_go_one_way, "zoo/train/bad.py", "from zoo.testing import LayerCase"),
    (imports_go_one_way, "zoo/testing/bad.py", "from zoo.cli import main"),
    (imports_go_one_way, "zoo/testing/bad.py", "from zoo.bench.twins import Twins"),
    (imports_go_one_way, "zoo/train/bad.py", "from zoo.bench.twins import Twins"),
    (imports_go_one_way, "zoo/bench/bad.py", "from zoo.cli import main"),
    (imports_go_one_way, "zoo/__init__.py", "def f():\n    from zoo.cli import main"),
    (no_torch_before_the_compiler, "zoo/architecture/bad.py", "import torch"),
    (no_torch_before_the_compiler, "zoo/registry.py", "def f():\n    from torch import Tensor"),
    (no_torch_before_the_compiler, "schemas/__init__.py", "import numpy as np"),
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
    (a_plugin_imports_only_what_is_public, "plugins/a/a.py", "from zoo import registry"),
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
    (no_library_gradients_or_convolutions, "plugins/a/zoo_a/twins.py", "import torch.nn"),
    (no_library_gradients_or_convolutions, "zoo/bench/good.py", "x.requires_grad_()"),
    (no_library_gradients_or_convolutions, "zoo/nn/good.py", '"""As torch.nn.Conv2d."""'),
    (imports_go_one_way, "zoo/nn/good.py", "from zoo.nn.module import Module"),
    (imports_go_one_way, "zoo/nn/good.py", "import zooming"),
    (only_the_command_line_prints_and_exits, "zoo/cli/good.py", "print('done')"),
    (
        only_the_command_line_prints_and_exits,
        "zoo/discovery.py",
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
        "from zoo.spec.arguments import positive\nfrom zoo.spec.shapes import image",
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
