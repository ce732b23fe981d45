"""``--cache``: the same results, whoever fills the cache, and a stop while it is filled."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._pytree import tree_leaves

from zoo.cli.caching import CacheProgress

Cli = Callable[..., Any]


def same(first: Path, second: Path) -> None:
    """Two runs have the same weights, metrics, images and figures."""
    contents = [torch.load(path / "last.pkl", weights_only=True) for path in (first, second)]
    for name in ("model", "data"):
        leaves = [tree_leaves(it[name]) for it in contents]
        assert len(leaves[0]) == len(leaves[1])
        for own, its in zip(*leaves, strict=True):
            assert torch.equal(own, its) if isinstance(own, torch.Tensor) else own == its, name
    metrics = [[line | {"seconds": 0} for line in it["metrics"]] for it in contents]
    assert metrics[0] == metrics[1]
    assert (first / "evaluation.json").read_text() == (second / "evaluation.json").read_text()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("photos", marks=pytest.mark.slow),
        "photos,others",
        pytest.param("frames:photos", marks=pytest.mark.slow),
    ],
)
def test_a_run_with_a_cache_is_the_run_without(
    data: str, base: Path, tmp_path: Path, cli: Cli
) -> None:
    """Begun and resumed with and without, in all four ways."""
    shutil.copytree(base / "photos", "photos")
    shutil.copytree(base / "photos", "others")
    (tmp_path / "others" / "0.png").rename(tmp_path / "others" / "x.png")
    for number in range(1, 5):  # each with the next one's picture
        (tmp_path / "others" / f"{number}.png").rename(tmp_path / "others" / f"{number - 1}.png")
    (tmp_path / "others" / "x.png").rename(tmp_path / "others" / "4.png")
    runs = []
    for begun in ((), ("--cache", "cache")):
        for resumed in ((), ("--cache", "cache")):
            run = tmp_path / f"run{len(runs)}"
            options = ("run", base / "tiny.toml", "--data", data, "--out", run)
            assert cli(*options, "--epochs", "1", *begun).code == 0
            result = cli(*options, "--epochs", "2", "--resume", *resumed)
            assert result.code == 0
            runs.append(run)
    for run in runs[1:]:
        same(runs[0], run)
    assert len(list((tmp_path / "cache").glob("pictures-1/*/*.pixels"))) == 5
    plain = cli("evaluate", runs[0], "--methods", "none", "--json")
    kept = cli("evaluate", runs[0], "--methods", "none", "--json", "--cache", "cache")
    assert (kept.code, kept.out, kept.err) == (0, plain.out, plain.err)
    checks = [cli("data", "check", data, "--json", *more) for more in ((), ("--cache", "cache"))]
    assert checks[0].out == checks[1].out
    assert json.loads(checks[0].out)["measured"]


@pytest.mark.parametrize(
    "target", [pytest.param("neighbors", marks=pytest.mark.slow), "blind_spot"]
)
def test_single_noisy_pictures_of_a_measured_range(
    target: str, base: Path, tmp_path: Path, cli: Cli
) -> None:
    noisy = ("--set", "data.noise='none'", "--set", f"data.target='{target}'")
    sizes = ("--set", "input.height=8", "--set", "input.width=8", "--set", "data.range='auto'")
    for run, more in (("plain", ()), ("kept", ("--cache", "cache"))):
        options = ("--allow-correlated", *noisy, *sizes, "--out", run, *more)
        result = cli("run", base / "tiny.toml", "--data", base / "photos", *options)
        assert result.code == 0, result.err
    same(tmp_path / "plain", tmp_path / "kept")


def test_a_folder_of_other_files(base: Path, tmp_path: Path, cli: Cli) -> None:
    result = cli("run", base / "tiny.toml", "--cache", base / "photos")
    assert (result.code, result.err) == (
        2,
        f"--cache {base / 'photos'}: has other files in it (0.png), and is no cache of pictures. "
        "Use a new or empty folder.\n",
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_stopped_run_names_the_cache(
    base: Path, process: Callable[..., Any], tmp_path: Path
) -> None:
    arguments = ("run", base / "probed.toml", "--device", "cpu", "--out", "a", "--cache", "my c")
    number = str(int(signal.SIGTERM))
    stopped = process(*arguments, cwd=tmp_path, PROBE_STEP="2", PROBE_SIGNAL=number)
    command = "zoo run a/architecture.toml --out a --device cpu --cache 'my c' --resume"
    assert stopped.code == 143
    assert stopped.err.endswith(f"Go on with: {command}\n")


SLOW = """
import sys, time
from zoo.data.cache import cache
pages = cache.read_pages
def read_pages(*arguments):
    time.sleep(0.2)
    return pages(*arguments)
cache.read_pages = read_pages
sys.argv[0] = "zoo"
from zoo.cli.ending import console_main
console_main()
"""


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)],
)
def test_a_stop_while_pictures_are_decoded(
    number: signal.Signals, code: int, base: Path, tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    for index in range(100):
        source = base / "photos" / f"{index % 5}.png"
        data = source.read_bytes()
        (tmp_path / "photos" / f"{index}.png").write_bytes(data + index.to_bytes(2, "big"))
    cache = tmp_path / "cache"
    command = [sys.executable, "-c", SLOW, "run", base / "tiny.toml", "--data", "photos"]
    process = subprocess.Popen(
        [*command, "--cache", cache],
        cwd=tmp_path,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    deadline = time.monotonic() + 100
    while len(list(cache.glob("pictures-1/*/*.pixels"))) < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=100)
    assert process.returncode == code
    assert re.fullmatch(
        rf"stopped while pictures were decoded: \d+ of 100 files are in {cache}, and the same "
        r"command goes on with the others\n+",
        err,
    )
    assert 4 <= len(list(cache.glob("pictures-1/*/*.pixels"))) < 100
    assert list(cache.rglob(".zoo*")) == []


def test_progress_is_told_in_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    progress = CacheProgress(tmp_path)
    for done in range(1, 101):
        now[0] += 1
        progress.on_picture(done, 100)
        assert progress.fills == (done < 100)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"cache: {done} of 100 picture files" for done in (32, 63, 94)]


@pytest.mark.slow
def test_the_runs_of_a_sweep_share_a_cache(
    base: Path, tmp_path: Path, process: Callable[..., Any]
) -> None:
    plan = 'format = 1\narchitecture = "tiny.toml"\n[[tables]]\nname = "t"\nseeds = [0, 1]\n'
    (tmp_path / "plan.toml").write_text(f"{plan}grid = {{ optimizer.lr = [1e-3, 1e-2] }}\n")
    shutil.copy(base / "tiny.toml", tmp_path)
    (tmp_path / "photos").symlink_to(base / "photos")
    kept_in = ("-o", "kept", "--jobs", "2", "--cache", "cache")
    result = process("sweep", "plan.toml", *kept_in, cwd=tmp_path)
    assert result.code == 0
    assert len(list((tmp_path / "cache").glob("pictures-1/*/*.pixels"))) == 5
    assert process("sweep", "plan.toml", "-o", "plain", cwd=tmp_path).code == 0
    kept, plain = (sorted(tmp_path.glob(f"{name}/*/evaluation.json")) for name in ("kept", "plain"))
    assert len(kept) == 4
    assert [it.read_text() for it in kept] == [it.read_text() for it in plain]
