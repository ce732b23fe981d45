"""Plugins as they are installed: distributions with an entry point, good ones and broken ones."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import torch

from zoo.architecture import parse_architecture
from zoo.compiler import Compiler
from zoo.errors import ArchitectureError, PluginError
from zoo.nn import Sequential
from zoo.plugins.discovery import Failure, Provider, discover
from zoo.plugins.registry import Registry, load_registry

PREAMBLE = """
import zoo

def entry(name, factory="zoo.nn:ReLU", properties={}, **fields):
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return zoo.LayerEntry(
        name=name,
        factory=factory,
        schema=schema,
        summary="a layer of a test",
        shape_rule="zoo.spec.shape_rules:elementwise",
        **fields,
    )
"""
HOOKS = (
    "Hooks, without arguments: zoo_initializers, zoo_layers, zoo_losses, zoo_models, "
    "zoo_noises, zoo_optimizers, zoo_pairings, zoo_schedules, zoo_sources."
)
ALL: dict[str, str] = {}  # an environment that narrows nothing


def layers(*statements: str) -> str:
    """The code of a plugin with a hook ``zoo_layers`` of these statements."""
    body = "\n".join(f"    {statement}" for statement in statements)
    return f"{PREAMBLE}\n@zoo.hookimpl\ndef zoo_layers():\n{body}\n"


@dataclass(frozen=True)
class Site:
    """A folder that distributions are installed into."""

    folder: Path

    def install(
        self,
        name: str,
        code: str = "",
        version: str = "1.0",
        entry_point: str = "plugin",
        value: str | None = None,
    ) -> str:
        """Install a distribution of one module and one entry point; returns the module's name."""
        module = name.replace("-", "_")
        (self.folder / f"{module}.py").write_text(code)
        info = self.folder / f"{module}-{version}.dist-info"
        info.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        (info / "METADATA").write_text(metadata)
        (info / "entry_points.txt").write_text(f"[zoo]\n{entry_point} = {value or module}\n")
        return module

    def failures(self, registry: Registry) -> list[Failure]:
        """Those of the distributions that are installed here."""
        names = {path.name.split("-")[0].replace("_", "-") for path in self.folder.glob("*-info")}
        return [item for item in registry.failures if item.provider.distribution in names]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    yield Site(folder)
    for path in folder.glob("*.py"):
        sys.modules.pop(path.stem, None)


WITH_A_WEIGHT = '{ type = "conv2d", out_channels = 2, kernel_size = 1 }'


def read(registry: Registry, layers: str) -> Compiler:
    text = f"""
        format = 1
        name = "net"
        input = {{ channels = 2, height = 3, width = 4 }}
        layers = {layers.removesuffix("]")}, {WITH_A_WEIGHT}]
    """
    return Compiler(parse_architecture(text, registry, "net.toml", Path()), registry)


def compiled(registry: Registry, layers: str) -> Sequential:
    """These layers; the one with a weight, without which a file is refused, is left off."""
    return Sequential(*list(read(registry, layers).model(torch.Generator()))[:-1])


SCALE = """
from zoo.spec.arguments import number
from zoo.nn import Module

class Scale(Module):
    def __init__(self, channels, factor=2.0):
        super().__init__()
        self.channels = channels
        self.factor = number("Scale", "factor", factor, 0)

    def forward(self, x):
        return self.factor * x

    def backward(self, grad_y):
        return self.factor * grad_y

    def output_shape(self, shape):
        return shape
"""


def test_the_layer_of_a_plugin_is_used_from_a_file_like_a_built_in(site: Site) -> None:
    (site.folder / "zoo_t_scale_layer.py").write_text(SCALE)
    properties = {
        "channels": {"type": "integer", "description": "Of the input."},
        "factor": {"type": "number", "default": 2.0, "description": "What to multiply by."},
    }
    fields = f"'zoo_t_scale_layer:Scale', {properties}, inferred={{'channels': 0}}"
    site.install("zoo-t-scale", layers(f"yield entry('scale', {fields})"))
    registry = load_registry(discover(ALL))
    assert site.failures(registry) == []
    assert registry.get("layer", "scale").provider == Provider("zoo-t-scale", "1.0", "plugin")
    model = compiled(registry, '["scale", { type = "scale", factor = 3 }, "relu"]')
    x = torch.tensor([-1.0, 0.5]).reshape(1, 2, 1, 1).expand(1, 2, 3, 4)
    assert torch.equal(model(x), (6 * x).clamp(min=0))
    assert [layer.channels for layer in list(model)[:2]] == [2, 2]
    with pytest.raises(ArchitectureError) as caught:
        compiled(registry, '[{ type = "scale", factr = 3 }]')
    assert str(caught.value) == (
        "net.toml:5:37: layers[0].factr: is not a known key. Known keys: channels, factor. "
        "Did you mean factor?"
    )
    with pytest.raises(ArchitectureError) as caught:
        compiled(registry, '["scale", { type = "scale", factor = -1 }]')
    assert str(caught.value) == (
        "net.toml:5:28: layers[1]: Scale: factor is -1. Use a finite number >= 0."
    )


BROKEN = {
    "raises-on-import": (
        "raise RuntimeError('no GPU\\nfound')",
        "cannot be loaded: RuntimeError: no GPU found",
    ),
    "exits-on-import": ("import sys; sys.exit(3)", "cannot be loaded: SystemExit: 3"),
    "syntax": ("def", "cannot be loaded: SyntaxError: invalid syntax ("),
    "misspelt-hook": (
        layers("yield entry('lost')").replace("def zoo_layers", "def zoo_layer"),
        "cannot be loaded: unknown hook 'zoo_layer' in plugin <module ",
    ),
    "hook-with-argument": (
        layers("yield entry('lost')").replace("zoo_layers()", "zoo_layers(registry)"),
        "cannot be loaded: Plugin 'zoo-t-broken:plugin' for hook 'zoo_layers' hookimpl "
        "definition: zoo_layers(registry) Argument(s) {'registry'} are declared in the hookimpl "
        f"but can not be found in the hookspec. {HOOKS}",
    ),
    "hook-raises": (layers("raise KeyError('x')"), "zoo_layers failed: KeyError: 'x'"),
    "hook-exits": (layers("raise SystemExit"), "zoo_layers failed: SystemExit"),
    "generator-fails-midway": (
        layers("yield entry('lost')", "1 / 0"),
        "zoo_layers failed: ZeroDivisionError: division by zero",
    ),
    "returns-nothing": (
        layers("entry('lost')"),
        "zoo_layers failed: TypeError: 'NoneType' object is not iterable",
    ),
    "returns-names": (
        layers("return ['lost']"),
        "zoo_layers failed: returned 'lost'. Return LayerEntry records.",
    ),
    "returns-another-kind": (
        layers("yield entry('lost')").replace("def zoo_layers", "def zoo_losses"),
        "zoo_losses failed: returned LayerEntry(name='lost', factory='zoo.nn:ReLU', schema="
        "{'type': 'object', 'properties': {}, 'additionalProperties': False}, "
        "summary='a layer of a test', check='', cases='', torch_reference='', onnx='', "
        "inferred={}, "
        "shape_rule='zoo.spec.shape_rules:elementwise'). Return LossEntry records.",
    ),
    "unusable-entry": (
        layers("yield entry('lost')", "yield entry('Lost')"),
        "zoo_layers failed: layer 'Lost': not a usable name. "
        "Use lower-case letters, digits and underscores.",
    ),
}


@pytest.mark.parametrize(("code", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_listed_and_the_others_work(code: str, reason: str, site: Site) -> None:
    site.install("zoo-t-broken", code, version="0.3.1")
    site.install("zoo-t-after", layers("yield entry('after')"))
    site.install("zoo-t-about", layers("yield entry('about')"))
    registry = load_registry(discover(ALL))
    (failure,) = site.failures(registry)
    assert failure.provider == Provider("zoo-t-broken", "0.3.1", "plugin")
    assert str(failure).startswith(f"plugin zoo-t-broken 0.3.1: {reason}")
    assert "\n" not in str(failure)
    assert {"about", "after", "relu"} <= set(registry.names("layer"))
    assert "lost" not in registry.names("layer")
    assert len(compiled(registry, '["about", "after"]')) == 2


def test_a_misspelt_hook_is_reported_with_the_hooks(site: Site) -> None:
    module = site.install("zoo-t-misspelt", BROKEN["misspelt-hook"][0])
    (failure,) = site.failures(load_registry(discover(ALL)))
    assert failure.reason == (
        f"cannot be loaded: unknown hook 'zoo_layer' in plugin {sys.modules[module]!r}. {HOOKS}"
    )


def test_another_hook_of_the_same_plugin_works(site: Site) -> None:
    losses = "\n@zoo.hookimpl\ndef zoo_losses():\n    raise KeyError('x')\n"
    site.install("zoo-t-half", layers("yield entry('half')") + losses)
    registry = load_registry(discover(ALL))
    assert [str(item) for item in site.failures(registry)] == [
        "plugin zoo-t-half 1.0: zoo_losses failed: KeyError: 'x'"
    ]
    assert "half" in registry.names("layer")


def test_a_plugin_that_is_not_there(site: Site) -> None:
    site.install("zoo-t-gone", value="zoo_t_no_module")
    site.install("zoo-t-lost", value="zoo_t_lost:plugin")
    assert [str(item) for item in site.failures(load_registry(discover(ALL)))] == [
        "plugin zoo-t-gone 1.0: cannot be loaded: "
        "ModuleNotFoundError: No module named 'zoo_t_no_module'",
        "plugin zoo-t-lost 1.0: cannot be loaded: "
        "AttributeError: module 'zoo_t_lost' has no attribute 'plugin'",
    ]


def test_a_plugin_can_be_an_object(site: Site) -> None:
    code = layers("yield entry('inside')").replace("def zoo_layers", "def hook")
    code += "\nclass Plugin:\n    zoo_layers = staticmethod(hook)\n\nplugin = Plugin()\n"
    site.install("zoo-t-object", code, value="zoo_t_object:plugin")
    registry = load_registry(discover(ALL))
    assert site.failures(registry) == []
    assert "inside" in registry.names("layer")


def test_a_clash_with_a_built_in_is_an_error_where_the_name_is_used(site: Site) -> None:
    site.install("zoo-t-relu", layers("yield entry('relu')", "yield entry('other')"), "2.0")
    registry = load_registry(discover(ALL))
    assert site.failures(registry) == []
    assert len(compiled(registry, '["sigmoid", "other"]')) == 2
    ours = registry.get("layer", "sigmoid").provider
    with pytest.raises(ArchitectureError) as caught:
        read(registry, '["sigmoid", "relu"]')
    assert str(caught.value) == (
        f"net.toml:5:30: layers[1]: layer 'relu': provided by {ours} and zoo-t-relu 2.0. "
        "Choose with zoo-t-relu:relu or zoo:relu."
    )


@pytest.mark.parametrize("first", ["", "(tryfirst=True)"])
def test_a_clash_of_two_plugins_names_both_whatever_their_order(first: str, site: Site) -> None:
    code = layers("yield entry('twice')")
    site.install("zoo-t-b", code.replace("zoo.hookimpl", f"zoo.hookimpl{first}"), "2.0")
    site.install("zoo-t-a", code, "1.0")
    registry = load_registry(discover(ALL))
    assert site.failures(registry) == []
    assert registry.names("layer").count("twice") == 1
    assert sorted(
        item.provider.distribution for item in registry if item.entry.name == "twice"
    ) == [
        "zoo-t-a",
        "zoo-t-b",
    ]
    with pytest.raises(PluginError) as caught:
        registry.get("layer", "twice")
    assert str(caught.value) == (
        "layer 'twice': provided by zoo-t-a 1.0 and zoo-t-b 2.0. "
        "Choose with zoo-t-a:twice or zoo-t-b:twice."
    )


def test_two_distributions_with_the_same_entry_point_name(site: Site) -> None:
    site.install("zoo-t-one", layers("yield entry('one')"), entry_point="layers")
    site.install("zoo-t-two", layers("yield entry('two')"), entry_point="layers")
    registry = load_registry(discover(ALL))
    assert site.failures(registry) == []
    assert {"one", "two"} <= set(registry.names("layer"))


def test_two_distributions_with_the_same_plugin(site: Site) -> None:
    site.install("zoo-t-first", layers("yield entry('shared')"))
    site.install("zoo-t-second", value="zoo_t_first")
    registry = load_registry(discover(ALL))
    assert [str(item) for item in site.failures(registry)] == [
        "plugin zoo-t-second 1.0: cannot be loaded: the entry point zoo-t-second:plugin names "
        "the same object as zoo-t-first:plugin."
    ]
    assert registry.get("layer", "shared").provider.distribution == "zoo-t-first"


def test_discoveries_share_nothing(site: Site) -> None:
    before = discover(ALL)
    site.install("zoo-t-new", layers("yield entry('new')"))
    assert "new" in load_registry(discover(ALL)).names("layer")
    assert "new" not in load_registry(before).names("layer")


def test_zoo_plugins_loads_only_those_it_names(site: Site) -> None:
    for name in ("a", "b", "c"):
        site.install(f"zoo-t-{name}", layers(f"yield entry('layer_{name}')"))
    site.install("zoo-t-broken", BROKEN["raises-on-import"][0])

    def names(wanted: str) -> list[str]:
        registry = load_registry(discover({"ZOO_PLUGINS": wanted}))
        assert registry.failures == ()
        return [name for name in registry.names("layer") if name.startswith("layer_")]

    assert names("") == []
    assert names("zoo-t-b") == ["layer_b"]
    assert names(" zoo-t-c, zoo-t-a ,") == ["layer_a", "layer_c"]
    assert "relu" in load_registry(discover({"ZOO_PLUGINS": ""})).names("layer")
    assert "zoo_t_broken" not in sys.modules


def test_zoo_plugins_with_an_unknown_name(site: Site) -> None:
    site.install("zoo-t-a", layers("yield entry('a')"))
    installed = sorted(
        {item.dist.metadata["Name"] for item in entry_points(group="zoo") if item.dist}
    )
    with pytest.raises(PluginError) as caught:
        discover({"ZOO_PLUGINS": "zoo-t-a,zoo-t-z,zoo-t-y"})
    assert str(caught.value) == (
        "ZOO_PLUGINS: no installed plugin is called 'zoo-t-y', 'zoo-t-z'. "
        f"Installed: {', '.join(installed)}."
    )


def test_strict_makes_every_failure_an_error(site: Site) -> None:
    site.install("zoo-t-a", BROKEN["raises-on-import"][0])
    site.install("zoo-t-b", BROKEN["hook-raises"][0])
    site.install("zoo-t-c", layers("yield entry('c')"))
    wanted = {"ZOO_PLUGINS": "zoo-t-a,zoo-t-b,zoo-t-c"}
    for value in ("", "0"):
        assert load_registry(discover({**wanted, "ZOO_STRICT_PLUGINS": value})).failures
    with pytest.raises(PluginError) as caught:
        load_registry(discover({**wanted, "ZOO_STRICT_PLUGINS": "1"}))
    assert str(caught.value).splitlines() == [
        "plugin zoo-t-a 1.0: cannot be loaded: RuntimeError: no GPU found",
        "plugin zoo-t-b 1.0: zoo_layers failed: KeyError: 'x'",
    ]
    with pytest.raises(PluginError):
        load_registry(discover({"ZOO_PLUGINS": "zoo-t-b", "ZOO_STRICT_PLUGINS": "1"}))
    good = {"ZOO_PLUGINS": "zoo-t-c", "ZOO_STRICT_PLUGINS": "1"}
    assert "c" in load_registry(discover(good)).names("layer")


def test_the_command_line_obeys_the_environment_and_exits_with_3(
    site: Site, tmp_path: Path
) -> None:
    site.install("zoo-t-broken", BROKEN["hook-raises"][0])

    def run(**environment: str) -> tuple[int, str]:
        result = subprocess.run(
            [sys.executable, "-m", "zoo", "run", "missing.toml"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(site.folder), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return result.returncode, result.stderr

    missing = "missing.toml: cannot be read: No such file or directory.\n"
    failed = "plugin zoo-t-broken 1.0: zoo_layers failed: KeyError: 'x'\n"
    assert run(ZOO_PLUGINS="zoo-t-broken") == (2, missing)
    assert run(ZOO_PLUGINS="zoo-t-broken", ZOO_STRICT_PLUGINS="1") == (3, failed)
    assert run(ZOO_PLUGINS="", ZOO_STRICT_PLUGINS="1") == (2, missing)


def test_nothing_of_this_imports_torch(site: Site) -> None:
    site.install("zoo-t-layer", layers("yield entry('mine')"))
    code = """
import sys
from pathlib import Path
import zoo
from zoo.architecture import read_architecture
from zoo.cli.options import source_table
from zoo.plugins.registry import load_registry

registry = load_registry()
assert "mine" in registry.names("layer")
for path in map(Path, sys.argv[1:]):
    read_architecture(path, registry)
source_table(registry, "photos")
print(sorted({"torch", "numpy", "PIL", "skimage"} & set(sys.modules)))
"""
    folder = Path(__file__).parents[2] / "architectures"
    files = [path for path in folder.glob("*.toml") if "plugins = " not in path.read_text("utf-8")]
    assert len(files) >= 6
    result = subprocess.run(
        [sys.executable, "-c", code, *map(str, files)],
        env={**os.environ, "PYTHONPATH": str(site.folder), "ZOO_PLUGINS": "zoo-t-layer"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.stdout, result.stderr) == ("[]\n", "")
