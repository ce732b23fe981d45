"""``--cache``: folders that are refused before anything is made, and data that need none."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]

PLAN = """
format = 1
architecture = "tiny.toml"
[[tables]]
name = "t"
seeds = [0, 1]
grid = { optimizer.lr = [1e-3, 1e-2] }
"""


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_a_sweep_with_a_file_for_a_cache(
    more: tuple[str, ...], base: Path, tmp_path: Path, cli: Cli
) -> None:
    shutil.copy(base / "tiny.toml", tmp_path)
    (tmp_path / "photos").symlink_to(base / "photos")
    (tmp_path / "plan.toml").write_text(PLAN)
    before = sorted(tmp_path.iterdir())
    result = cli("sweep", "plan.toml", "-o", "s", "--cache", "plan.toml", *more)
    message = "--cache plan.toml: is no folder. Use another folder."
    assert (result.code, result.err) == (2, f"{message}\n")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(("cache", "out"), [("a", "a"), ("a/c", "a"), ("a", "a/run")])
def test_a_cache_and_a_run_in_one_folder(
    cache: str, out: str, base: Path, tmp_path: Path, cli: Cli
) -> None:
    for command in ("run", "compare"):
        result = cli(command, base / "tiny.toml", "--out", out, "--cache", cache)
        assert (result.code, result.err) == (
            2,
            f"--cache {cache}: is the folder of --out {out}, in it or around it. Use a folder of "
            "its own.\n",
        )
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("command", "cache"), [("run", "runs"), ("compare", "compare/c")])
def test_a_cache_where_runs_are_kept(
    command: str, cache: str, base: Path, tmp_path: Path, cli: Cli
) -> None:
    result = cli(command, base / "tiny.toml", "--cache", cache)
    assert (result.code, result.err) == (
        2,
        f"--cache {cache}: is the folder {cache.partition('/')[0]} of runs without --out, in it or "
        "around it. Use a folder of its own.\n",
    )
    assert list(tmp_path.iterdir()) == []


def test_a_cache_without_room(
    base: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty folder stays empty, and can be that of a cache later."""
    (tmp_path / "c").mkdir()
    full = shutil.disk_usage(tmp_path)._replace(free=5)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    monkeypatch.setattr("zoo.data.cache.cache.is_settled", lambda *_: True)
    result = cli("run", base / "tiny.toml", "--out", "a/b", "--cache", "c")
    assert result.code == 4
    assert "--cache c: 5 pictures that are not in it take up to" in result.err
    assert list(tmp_path.rglob("*")) == [tmp_path / "c"]


@pytest.mark.parametrize("out", [(), ("--out", "a/b/c")])
def test_a_run_that_is_refused_leaves_no_folder(
    out: tuple[str, ...], base: Path, tmp_path: Path, cli: Cli
) -> None:
    (tmp_path / "empty").mkdir()
    result = cli("run", base / "tiny.toml", "--data", "empty", *out)
    assert result.code == 4
    assert [path.name for path in tmp_path.rglob("*")] == ["empty"]


@pytest.mark.parametrize(
    ("option", "what"),
    [
        ("--cache", "folder"),
        ("--out", "folder"),
        ("--data", "source, such as demo or a folder"),
        ("--weights", "file or folder"),
    ],
)
def test_an_empty_name(option: str, what: str, base: Path, tmp_path: Path, cli: Cli) -> None:
    result = cli("run", base / "tiny.toml", option, "")
    where = "--data " if option == "--data" else option
    assert (result.code, result.err) == (2, f"{option}: is empty. Name a {what}.\n"), where
    assert list(tmp_path.iterdir()) == []


def test_data_that_are_no_picture_files(base: Path, tmp_path: Path, cli: Cli) -> None:
    small = ("--set", "data.samples_per_epoch=8", "--device", "cpu")
    result = cli("run", base / "tiny.toml", "--data", "demo", "--out", "a", "--cache", "c", *small)
    assert (result.code, result.err) == (
        0,
        "--cache c: is not used: these images are no picture files, or their source takes no "
        "cache\n",
    )
    assert not (tmp_path / "c").exists()
