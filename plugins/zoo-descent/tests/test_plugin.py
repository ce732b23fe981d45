"""The distribution: zoo's conformance kit on all it provides, and files that use it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("zoo_descent", reason="the plugin zoo-descent is not installed")

from zoo_descent import plugin

from zoo.testing import cases_of, parametrize_with_checks

FILE = """
format = 1
name = "descent"
input = {{ channels = 3, height = 8, width = 8 }}

[[layers]]
type = "conv2d"
out_channels = 3
kernel_size = 3
padding = 1
{layer}

[optimizer]
type = "adamw"
{optimizer}

[data]
noise = {{ type = "gaussian", sigma = 25 }}
"""


@parametrize_with_checks(cases_of("zoo-descent"))
def test_contract(case: object, check: Callable[[object], None]) -> None:
    check(case)


def test_what_it_provides() -> None:
    names = [entry.name for entry in [*plugin.zoo_optimizers(), *plugin.zoo_initializers()]]
    assert names == ["adamw", "rmsprop", "orthogonal", "truncated_normal"]
    assert plugin.zoo_api == ">=1,<2"


def checked(tmp_path: Path, layer: str = "", optimizer: str = "") -> str:
    """What ``zoo check`` says of a file with these lines."""
    (tmp_path / "file.toml").write_text(FILE.format(layer=layer, optimizer=optimizer))
    result = subprocess.run(
        [sys.executable, "-m", "zoo", "check", "file.toml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout + result.stderr


def test_a_file_that_uses_it(tmp_path: Path) -> None:
    layer = 'init = { type = "orthogonal", gain = 1.4 }\nbias_init = "truncated_normal"'
    said = checked(tmp_path, layer, "lr = 1e-2\nweight_decay = 0.1\namsgrad = true")
    assert said == "file.toml: 1 layer, 84 parameters\n"


def test_mistakes_are_reported_at_their_lines(tmp_path: Path) -> None:
    limits = '{ type = "truncated_normal", std = 0.02, low = 1.0, high = 0.5 }'
    assert checked(tmp_path, f"init = {limits}", "weight_decay = -1").splitlines() == [
        "file.toml:11:55: layers[0].init.low: truncated_normal: low is 1.0 and high is 0.5. "
        "Use low < high.",
        "file.toml:15:16: optimizer.weight_decay: is -1. Use a finite number >= 0.",
    ]


def test_an_orthogonal_bias_is_refused_at_its_line(tmp_path: Path) -> None:
    file = tmp_path / "file.toml"
    file.write_text(FILE.format(layer='bias_init = "orthogonal"', optimizer=""))
    code = (
        "import json, sys, zoo\n"
        "from zoo.errors import ZooError\n"
        "try: zoo.load_model('file.toml')\n"
        "except ZooError as error: print(json.dumps(str(error)))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.stderr == ""
    assert json.loads(result.stdout) == (
        "file.toml:6:1: layers[0]: Orthogonal: a value of shape (3,) is no matrix. "
        "Use another initializer for biases."
    )
