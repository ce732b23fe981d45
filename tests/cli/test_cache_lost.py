"""``--cache``: files of it that are changed, or gone, while a run reads them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from zoo.train.step import TrainStep

Cli = Callable[..., Any]
CHANGED = (
    "was changed while it was used: pixels that were read may be wrong, and what they gave is not "
    "kept. Leave the files of a cache as they are while it is used; it is decoded again by the "
    "next command."
)


def overwrite(entry: Path) -> None:
    """Other pixels, and the same size."""
    with entry.open("r+b") as stream:
        stream.write(os.urandom(500))


@pytest.fixture
def at_step(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Callable[[], object]], None]:
    """``at_step(n, act)``: what is done once, after the n-th step."""

    def install(number: int, act: Callable[[], object]) -> None:
        taken = 0

        def step(self: TrainStep, *arguments: Any, **more: Any) -> Any:
            nonlocal taken
            taken += 1
            loss = original(self, *arguments, **more)
            if taken == number:
                act()
            return loss

        monkeypatch.setattr(TrainStep, "__call__", step)

    original = TrainStep.__call__
    return install


def entries() -> list[Path]:
    return sorted(Path("cache").glob("pictures-1/*/*.pixels"))


def progress(run: Path) -> tuple[int, int]:
    content = torch.load(run / "last.pkl", weights_only=True)
    return content["progress"]["epoch"], content["progress"]["step"]


def test_an_entry_that_is_overwritten(base: Path, tmp_path: Path, cli: Cli, at_step: Any) -> None:
    """What was trained on it is not kept, and the run goes on to what it would have been."""
    options = ("run", base / "tiny.toml", "--device", "cpu", "--cache", "cache", "--epochs", "3")
    assert cli(*options, "--out", "right").code == 0
    at_step(progress(tmp_path / "right")[1] // 3 + 1, lambda: overwrite(entries()[0]))
    result = cli(*options, "--out", "a")
    command = "zoo run a/architecture.toml --out a --device cpu --cache cache --resume"
    assert (result.code, result.err) == (4, f"{entries()[0]}: {CHANGED} Go on with: {command}\n")
    assert progress(tmp_path / "a")[0] == 1
    assert cli(*command.split()[1:]).code == 0
    runs = [torch.load(f"{run}/last.pkl", weights_only=True) for run in ("right", "a")]
    torch.testing.assert_close(*(run["model"] for run in runs), rtol=0, atol=0)


def test_an_entry_that_is_replaced_by_the_same(base: Path, cli: Cli, at_step: Any) -> None:
    def replace() -> None:
        for entry in entries():
            shutil.copy(entry, "copy")
            Path("copy").replace(entry)

    at_step(1, replace)
    assert cli("run", base / "tiny.toml", "--cache", "cache", "--out", "a").code == 0


def test_a_cache_that_is_gone(base: Path, tmp_path: Path, cli: Cli, at_step: Any) -> None:
    """It is saved as for a stop, and goes on."""
    options = ("run", base / "tiny.toml", "--device", "cpu", "--cache", "cache", "--epochs", "9")
    assert cli(*options, "--out", "right").code == 0
    at_step(progress(tmp_path / "right")[1] // 2, lambda: shutil.rmtree("cache"))
    result = cli(*options, "--out", "a")
    command = "zoo run a/architecture.toml --out a --device cpu --cache cache --resume"
    assert result.code == 4
    assert "cannot be read any more: No such file or directory. Leave" in result.err
    assert result.err.endswith(f" Go on with: {command}\n")
    assert progress(tmp_path / "a")[1] >= progress(tmp_path / "right")[1] // 2
    assert cli(*command.split()[1:]).code == 0
    runs = [torch.load(f"{run}/last.pkl", weights_only=True) for run in ("right", "a")]
    torch.testing.assert_close(*(run["model"] for run in runs), rtol=0, atol=0)


def test_an_entry_that_is_overwritten_while_it_is_measured(
    base: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zoo.train import evaluation_sets

    def evaluate(*arguments: Any, **more: Any) -> Any:
        overwrite(entries()[0])
        return original(*arguments, **more)

    original = evaluation_sets.evaluate_sets
    assert cli("run", base / "tiny.toml", "--cache", "cache", "--out", "a").code == 0
    monkeypatch.setattr(evaluation_sets, "evaluate_sets", evaluate)
    result = cli("evaluate", "a", "--methods", "none", "--cache", "cache", "--json")
    assert (result.code, result.out, result.err) == (4, "", f"{entries()[0]}: {CHANGED}\n")


def test_an_entry_that_is_overwritten_while_data_are_checked(
    base: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zoo.data_check import report

    def check(*arguments: Any, **more: Any) -> Any:
        found = original(*arguments, **more)
        overwrite(entries()[0])
        return found

    original = report.check_images
    monkeypatch.setattr(report, "check_images", check)
    result = cli("data", "check", base / "photos", "--cache", "cache", "--json")
    assert (result.code, result.out, result.err) == (4, "", f"{entries()[0]}: {CHANGED}\n")
