"""``zoo layers`` and its siblings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from zoo.plugins.discovery import discover
from zoo.plugins.registry import load_registry

ZOO = f"zoo {version('zoo')}"
COMMANDS = {
    "layers": "layer",
    "losses": "loss",
    "optimizers": "optimizer",
    "initializers": "initializer",
    "schedules": "schedule",
    "noises": "noise",
    "pairings": "pairing",
    "sources": "source",
}

# A plugin that names a factory which must not be imported, another "relu", and a broken hook.
PLUGIN = """
import zoo

def schema(**properties):
    return {"type": "object", "properties": properties, "additionalProperties": False}

@zoo.hookimpl
def zoo_layers():
    beta = {"type": "number", "description": "How [bold]steep[/] it is.", "default": 1.5}
    fields = {"factory": "zoo_t_factory:Swish", "shape_rule": "zoo.spec.shape_rules:elementwise"}
    yield zoo.LayerEntry(
        name="swish", schema=schema(beta=beta), summary="x [0] times its sigmoid", **fields
    )
    yield zoo.LayerEntry(name="relu", schema=schema(), summary="Another ReLU", **fields)

@zoo.hookimpl
def zoo_losses():
    raise KeyError("x")
"""
FACTORY = '''
raise RuntimeError("imported")

class Swish:
    """y = x sigmoid(beta x).

    Shapes:
        x: any.
    """
'''


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The distribution zoo-t-list, and no other."""
    (tmp_path / "zoo_t_list.py").write_text(PLUGIN)
    (tmp_path / "zoo_t_factory.py").write_text(FACTORY)
    info = tmp_path / "zoo_t_list-2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-t-list\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text("[zoo]\nlist = zoo_t_list\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("ZOO_PLUGINS", "zoo-t-list")
    monkeypatch.delitem(sys.modules, "zoo_t_list", raising=False)


@pytest.fixture
def cli(cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setenv("ZOO_PLUGINS", "")
    return cli


@pytest.mark.parametrize(("command", "kind"), COMMANDS.items(), ids=COMMANDS)
def test_lists_every_entry_of_its_kind(command: str, kind: str, cli: Callable[..., Any]) -> None:
    entries = [item.entry for item in load_registry() if item.entry.kind == kind]
    result = cli(command)
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0].split() == ["name", "summary", "provided", "by"]
    assert lines == [line.rstrip() for line in lines]
    named = [line for line in lines[1:] if line.endswith(ZOO)]
    assert [line.split()[0] for line in named] == [entry.name for entry in entries]
    words = " ".join(" ".join(line.removesuffix(ZOO) for line in lines).split())
    assert all(entry.summary.split()[0] in words for entry in entries)
    listed = json.loads(cli(command, "--json").out)
    provider = {"distribution": "zoo", "version": version("zoo")}
    assert listed == [
        {"kind": kind, "name": entry.name, "summary": entry.summary, "provider": provider}
        for entry in entries
    ]


STEP = f"""\
step: Multiplied by a factor every few epochs
Provided by {ZOO}, {{place}}.

In a file:
  [train]
  schedule = {{{{ type = "step", every = 5 }}}}

Parameters:
  every: an integer >= 1; required
      Epochs from one change to the next.
  factor: a finite number >= 0; default 0.1
      What the learning rate is then multiplied by.

What it does:
"""


def test_shows_one(cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(__file__).parents[2]
    file = root / "zoo" / "optim" / "schedules.py"
    line = file.read_text("utf-8").splitlines().index("class Step:") + 1
    result = cli("schedules", "step")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(STEP.format(place=f"{file}:{line}"))
    monkeypatch.chdir(root / "zoo")
    result = cli("schedules", "step")
    assert result.out.startswith(STEP.format(place=f"optim/schedules.py:{line}"))


def test_shows_formulas_shapes_and_source(cli: Callable[..., Any]) -> None:
    out = cli("layers", "conv2d").out
    assert '  [[layers]]\n  type = "conv2d"\n  out_channels = 32\n  kernel_size = 3\n' in out
    assert "  in_channels: an integer >= 1; inferred\n" in out
    assert "\n      forward:  Y = K X + B " in out
    assert "\nShapes:\n  x: (N, Cin, H, W) or (Cin, H, W)." in out
    assert (
        "\nSource:\n  https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html\n" in out
    )


def test_one_as_json(cli: Callable[..., Any]) -> None:
    document = json.loads(cli("layers", "conv2d", "--json").out)
    assert list(document) == [
        *("kind", "name", "summary", "provider", "parameters", "example", "description"),
        *("formulas", "shapes", "source", "location", "clash", "others"),
    ]
    assert document["parameters"][3] == {
        "name": "stride",
        "type": "an integer >= 1 or a list of 2 integers >= 1",
        "description": "Step from one window to the next, in pixels.",
        "required": False,
        "inferred": False,
        "default": 1,
    }
    assert document["location"]["file"].endswith("conv2d.py")
    assert (document["clash"], document["others"]) == (None, [])


LAYERS = ", ".join(load_registry(discover({"ZOO_PLUGINS": ""})).names("layer"))
MISTAKES = [
    (
        "layers con2d",
        f"zoo layers: there is no layer 'con2d'. Did you mean conv2d? Layers: {LAYERS}.",
    ),
    (
        "layers nn.ConvTranspose2d",
        "zoo layers: there is no layer 'nn.ConvTranspose2d'. "
        f"Did you mean conv_transpose2d? Layers: {LAYERS}.",
    ),
    ("layers dropout", f"zoo layers: there is no layer 'dropout'. Layers: {LAYERS}."),
    (
        "optimizers SGDD",
        "zoo optimizers: there is no optimizer 'SGDD'. Did you mean sgd? Optimizers: adam, sgd.",
    ),
    ("losses ssim", "zoo losses: there is no loss 'ssim'. Losses: l1, mse."),
    (
        "layers conv2d relu",
        "zoo layers: Got unexpected extra argument (relu). See zoo layers --help.",
    ),
    ("layer", "zoo: No such command 'layer'. Did you mean layers? See zoo --help."),
]


@pytest.mark.parametrize(("line", "message"), MISTAKES)
def test_mistakes(line: str, message: str, cli: Callable[..., Any]) -> None:
    result = cli(*line.split())
    assert (result.code, result.out) == (2, "")
    assert result.err == f"{message}\n"


def test_a_misspelt_option(cli: Callable[..., Any]) -> None:
    result = cli("layers", "--jsn")  # the words are click's, and differ between its versions
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("zoo layers: No such option")
    assert result.err.endswith("? See zoo layers --help.\n")


FAILED = "plugin zoo-t-list 2.0: zoo_losses failed: KeyError: 'x'"


@pytest.mark.usefixtures("plugin")
class TestWithAPlugin:
    """Overrides ZOO_PLUGINS after ``cli``: the fixtures of the class come last."""

    @pytest.fixture(autouse=True)
    def _environment(self, cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ZOO_PLUGINS", "zoo-t-list")

    def test_its_entries_are_listed_and_its_failure_reported(self, cli: Callable[..., Any]) -> None:
        result = cli("layers")
        assert (result.code, result.err) == (0, f"warning: {FAILED}\n")
        (line,) = (line for line in result.out.splitlines() if line.startswith("swish"))
        assert " ".join(line.split()) == "swish x [0] times its sigmoid zoo-t-list 2.0"

    def test_its_factory_is_read_and_not_imported(
        self, cli: Callable[..., Any], tmp_path: Path
    ) -> None:
        result = cli("layers", "swish")
        assert result.out == (
            "swish: x [0] times its sigmoid\n"
            "Provided by zoo-t-list 2.0, zoo_t_factory.py:4.\n\n"
            'In a file:\n  [[layers]]\n  type = "swish"\n\n'
            "Parameters:\n  beta: a finite number; default 1.5\n"
            "      How [bold]steep[/] it is.\n\n"
            "What it does:\n  y = x sigmoid(beta x).\n\nShapes:\n  x: any.\n"
        )
        assert "zoo_t_factory" not in sys.modules

    def test_a_name_of_two_is_shown_twice(self, cli: Callable[..., Any]) -> None:
        clash = (
            f"layer 'relu': provided by {ZOO} and zoo-t-list 2.0. "
            "Choose with zoo-t-list:relu or zoo:relu."
        )
        result = cli("layers", "relu")
        assert result.code == 0
        assert result.err == f"warning: {FAILED}\nwarning: {clash}\n"
        assert f"relu: Rectified linear unit, max(x, 0)\nProvided by {ZOO}, " in result.out
        assert "\n\nrelu: Another ReLU\nProvided by zoo-t-list 2.0, " in result.out
        document = json.loads(cli("layers", "relu", "--json").out)
        assert document["provider"]["distribution"] == "zoo"
        assert document["clash"] == clash
        assert [other["provider"]["distribution"] for other in document["others"]] == ["zoo-t-list"]

    def test_an_unknown_name_may_be_of_a_plugin_that_failed(self, cli: Callable[..., Any]) -> None:
        result = cli("losses", "huber")
        assert (result.code, result.out) == (2, "")
        assert result.err == (
            "zoo losses: there is no loss 'huber'. Losses: l1, mse. "
            f"It may be of a plugin that failed: {FAILED}\n"
        )


def test_without_any_entry(cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.cli.listing.load_registry", lambda: type(load_registry())([]))
    assert cli("losses").out.strip() == ""
    assert json.loads(cli("losses", "--json").out) == []
    assert cli("losses", "mse").err == "zoo losses: there is no loss 'mse'. Losses: none.\n"


@pytest.mark.parametrize(
    "arguments",
    [
        *([name] for name in COMMANDS),
        *(["layers", "conv2d"], ["layers", "conv2d", "--json"], ["noises", "gaussian"]),
        *(["models"], ["models", "--json"], ["plugins"], ["--help"]),
        *(["sources", "demo"], ["initializers", "normal"], ["layers", "--help"], ["schema"]),
    ],
    ids=" ".join,
)
def test_no_command_imports_torch(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom zoo.cli import main\n"
        f"sys.argv = ['zoo', *{arguments}]\n"
        "try: main()\nexcept SystemExit as stop: assert stop.code == 0\n"
        "slow = {'torch', 'numpy', 'skimage', 'zoo.nn', 'zoo.data'}\n"
        "print(sorted(slow & set(sys.modules)), file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "ZOO_PLUGINS": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout
    assert result.stderr == "[]\n"


def test_block_is_explained(cli: Callable[..., Any]) -> None:
    result = cli("layers", "block")
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        "zoo layers: 'block' is not a layer: it stands for those of [[blocks.NAME]]. "
        "Its keys: use, repeat, with.\n"
    )
