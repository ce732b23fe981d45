"""What docs/plugin-kinds.md says is so: its files make up a plugin that passes every check."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from zoo.testing import Outcome
from zoo.testing.running import prove

GUIDE = (Path(__file__).parents[1] / "docs" / "plugin-kinds.md").read_text("utf-8")
FILE = re.compile(
    r"[Ii]n\s+`([\w/]+\.py)`:\n\n```python\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE
)
FAILURE = re.compile(r"```text\nunbiased failed: (.*)\n```")
KINDS = {"noise speckle", "loss charbonnier", "schedule linear", "pairing columns", "source npy"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the plugin is, installed."""
    package = tmp_path / "zoo_kinds"
    package.mkdir()
    (package / "__init__.py").touch()
    for name, text in FILE.findall(GUIDE):
        (tmp_path / name).write_text(text)
    info = tmp_path / "zoo_kinds-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-kinds\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[zoo]\nkinds = zoo_kinds.plugin\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "zoo_kinds"]:
        del sys.modules[name]


def failures(outcomes: list[Outcome]) -> list[str]:
    return [outcome.message for outcome in outcomes if outcome.state == "failed"]


def test_the_examples_pass_every_check(folder: Path) -> None:
    outcomes = list(prove("zoo-kinds"))
    assert failures(outcomes) == []
    checked = {outcome.subject for outcome in outcomes if outcome.check not in ("schema",)}
    assert checked == {"zoo-kinds", *KINDS}


def test_what_is_said_of_a_clipped_noise(folder: Path) -> None:
    path = folder / "zoo_kinds" / "speckle.py"
    text = path.read_text()
    path.write_text(
        text.replace("zoo.Noisy(x + x", "zoo.Noisy((x + x").replace(" * n)", " * n).clamp(0, 1))")
    )
    said = FAILURE.search(GUIDE)
    assert said is not None
    assert said[1] in failures(list(prove("zoo-kinds")))
