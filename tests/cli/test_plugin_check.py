"""``zoo plugin check``: what it prints, its JSON and its exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Result

# Two layers of which one is wrong, an optimizer that is known to refuse little, an initializer.
PLUGIN = """
from importlib import import_module

import zoo

NOTHING = {"type": "object", "properties": {}, "additionalProperties": False}
RATE = {"type": "number", "minimum": 0, "description": "How fast.", "default": 0.01}


@zoo.hookimpl
def zoo_layers():
    for name, factory in (("double", "Double"), ("narrow", "Narrow")):
        yield zoo.LayerEntry(
            name=name,
            factory=f"zoo_pair_parts:{factory}",
            schema=NOTHING,
            summary="twice x",
            shape_rule="zoo.spec.shape_rules:elementwise",
        )


@zoo.hookimpl
def zoo_optimizers():
    schema = {**NOTHING, "properties": {"lr": RATE}}
    yield zoo.OptimizerEntry(
        name="plain",
        factory="zoo_pair_parts:Plain",
        schema=schema,
        summary="w - lr g",
        cases="zoo_pair_parts:CASES",
    )


@zoo.hookimpl
def zoo_initializers():
    yield zoo.InitializerEntry(
        name="ones", factory="zoo_pair_parts:Ones", schema=NOTHING, summary="ones"
    )
"""
PARTS = """
from zoo.nn import Module
from zoo.optim import Optimizer
from zoo.testing import Case

CASES = (Case(expected_failures={"refuses_nonsense": "takes any rate"}),)


class Double(Module):
    def forward(self, x):
        self.save(x.shape)
        return 2 * x

    def backward(self, grad_y):
        self.require_gradient_shape(grad_y, self.saved()[0])
        return 2 * grad_y

    def output_shape(self, input_shape):
        return tuple(input_shape)


class Narrow(Double):
    def output_shape(self, input_shape):
        return (*input_shape[:-1], 1)


class Plain(Optimizer):
    def __init__(self, params, lr=0.01):
        super().__init__(params, 0.01)
        self.lr = lr

    def update(self, value, gradient, state):
        value.add_(gradient, alpha=-self.lr)


class Ones:
    def __call__(self, value, *, fan_in, fan_out, generator=None):
        value.fill_(1)
"""


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The distribution zoo-pair is installed."""
    (tmp_path / "zoo_pair.py").write_text(PLUGIN)
    (tmp_path / "zoo_pair_parts.py").write_text(PARTS)
    info = tmp_path / "zoo_pair-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-pair\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[zoo]\npair = zoo_pair\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in ("zoo_pair", "zoo_pair_parts"):
        sys.modules.pop(name, None)


REPORT = """\
zoo-pair: 2 checks passed, 1 skipped
initializer ones: 9 checks passed, 1 skipped
layer double: 25 checks passed, 7 skipped
layer narrow: 22 checks passed, 3 failed, 7 skipped
  in_a_file failed: layer narrow: layer 'narrow' of zoo-pair 1.0: its shape rule says an output of \
6x6x5 and 0 parameters for an input of 6x6x5; the layer has an output of 6x6x1 and 0 parameters.
  output_shape failed: narrow(): forward gives (2, 6, 6, 5), output_shape promised (2, 6, 6, 1).
  shape_rule failed: narrow(): for an input of (6, 6, 5) the shape rule gives (6, 6, 5), \
output_shape gives (6, 6, 1).
optimizer plain: 35 checks passed, 2 failed as expected, 2 skipped
  refuses_nonsense failed as expected: plain(): takes any rate
  refuses_nonsense failed as expected: plain(lr=0.005): takes any rate
lowerings skipped 1 time: there are no lowerings
theory skipped 1 time: neither mean nor deviation is known
batch_independent skipped 2 times: batch_independent is False
uses_batch_statistics skipped 2 times: uses_batch_statistics is False
seed skipped 2 times: nothing is drawn
random skipped 2 times: random is False
devices skipped 2 times: there is no CUDA device
reference skipped 2 times: no torch reference is named
onnx skipped 2 times: no onnx is named
against_reference skipped 2 times: no torch reference is named
zoo-pair: 93 checks passed, 3 failed, 2 failed as expected, 18 skipped.
"""


@pytest.mark.usefixtures("pair")
def test_a_report(cli: Callable[..., Result]) -> None:
    result = cli("plugin", "check", "zoo-pair")
    assert (result.code, result.err) == (3, "")
    assert result.out == REPORT


@pytest.mark.usefixtures("pair")
def test_as_json(cli: Callable[..., Result]) -> None:
    result = cli("plugin", "check", "zoo-pair", "--json")
    assert (result.code, result.err) == (3, "")
    report = json.loads(result.out)
    assert (report["distribution"], report["passed"]) == ("zoo-pair", False)
    entries = {entry["entry"]: entry for entry in report["entries"]}
    assert list(entries) == [
        *("zoo-pair", "initializer ones", "layer double", "layer narrow", "optimizer plain"),
    ]
    assert entries["initializer ones"] == {
        **{"entry": "initializer ones", "passed": 9, "failed": [], "expected": []},
        "skipped": [
            {
                "check": "theory",
                "case": "ones()",
                "message": "neither mean nor deviation is known",
            }
        ],
    }
    assert entries["layer narrow"]["failed"][1] == {
        "check": "output_shape",
        "case": "narrow()",
        "message": "narrow(): forward gives (2, 6, 6, 5), output_shape promised (2, 6, 6, 1).",
    }
    assert {each["check"]: each["message"] for each in entries["layer double"]["skipped"]} == {
        "batch_independent": "batch_independent is False",
        "uses_batch_statistics": "uses_batch_statistics is False",
        "seed": "nothing is drawn",
        "random": "random is False",
        "devices": "there is no CUDA device",
        "reference": "no torch reference is named",
        "onnx": "no onnx is named",
    }
    assert entries["optimizer plain"]["expected"][0] == {
        "check": "refuses_nonsense",
        "case": "plain()",
        "message": "takes any rate",
    }


@pytest.mark.usefixtures("pair")
def test_a_plugin_that_is_right(cli: Callable[..., Result], tmp_path: Path) -> None:
    plugin = tmp_path / "zoo_pair.py"
    plugin.write_text(PLUGIN.replace(', ("narrow", "Narrow")', ","))
    result = cli("plugin", "check", "zoo-pair")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[-1] == (
        "zoo-pair: 71 checks passed, 2 failed as expected, 11 skipped."
    )


@pytest.mark.usefixtures("pair")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("zoo-pairs", "plugin 'zoo-pairs': is not installed. Did you mean zoo-pair?"),
        ("zoo-probes", "plugin 'zoo-probes': is not installed. Did you mean zoo-probe?"),
    ],
)
def test_a_plugin_that_is_not_installed(
    name: str, message: str, cli: Callable[..., Result]
) -> None:
    result = cli("plugin", "check", name)
    assert (result.code, result.out, result.err) == (3, "", f"{message}\n")


@pytest.mark.usefixtures("pair")
def test_a_plugin_of_another_name(cli: Callable[..., Result]) -> None:
    result = cli("plugin", "check", "wobble")
    assert (result.code, result.out) == (3, "")
    start, _, names = result.err.partition(" Installed: ")
    assert start == "plugin 'wobble': is not installed."
    assert {"zoo", "zoo-pair", "zoo-probe"} <= set(names.strip().rstrip(".").split(", "))


@pytest.mark.usefixtures("pair")
def test_a_plugin_that_cannot_be_loaded(cli: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "zoo_pair.py").write_text("import zoo_nothing\n")
    result = cli("plugin", "check", "zoo-pair")
    assert (result.code, result.out) == (3, "")
    assert result.err == (
        "plugin zoo-pair 1.0: cannot be loaded: "
        "ModuleNotFoundError: No module named 'zoo_nothing'\n"
    )


@pytest.mark.usefixtures("pair")
def test_a_layer_that_cannot_be_made_is_reported_once(
    cli: Callable[..., Result], tmp_path: Path
) -> None:
    parts = PARTS.replace(
        "class Narrow(Double):",
        "class Narrow(Double):\n    def __init__(self):\n        raise KeyError('width')\n",
    )
    (tmp_path / "zoo_pair_parts.py").write_text(parts)
    result = cli("plugin", "check", "zoo-pair")
    lines = result.out.splitlines()
    start = lines.index("layer narrow: 2 checks passed, 2 failed")
    assert lines[start + 1 : start + 3] == [
        "  in_a_file failed: layer narrow: layer 'narrow' of zoo-pair 1.0: cannot be made: "
        "KeyError: 'width'.",
        "  cases failed: narrow(): cannot be made: layer 'narrow' of zoo-pair 1.0: cannot be made: "
        "KeyError: 'width'.",
    ]
    assert (result.code, result.err) == (3, "")


def test_the_group_imports_no_torch(process: Callable[..., Result], tmp_path: Path) -> None:
    code = "import torch\nraise SystemExit('torch is imported')\n"
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text(code)
    for arguments in (["plugin", "--help"], ["plugin", "check", "--help"]):
        result = process(*arguments, cwd=tmp_path, PYTHONPATH=str(tmp_path), ZOO_PLUGINS="")
        assert (result.code, result.err) == (0, "")
        assert "Check" in result.out
