"""``.ci/gpu``, on the CPU, in an environment that lacks what a machine with a GPU may lack."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sysconfig
import venv
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, requires
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / ".ci" / "gpu"
THERE = ("torch", "numpy", "triton", "scipy")  # what such a machine has, with what they need
NAMES = ["n2n_small", "r1"]


def with_needs(names: Iterator[str] | list[str]) -> set[str]:
    """Names of installed distributions, and of all that they require."""
    found: set[str] = set()
    left = list(names)
    while left:
        name = left.pop().lower().replace("_", "-")
        try:
            needs = [Requirement(text) for text in requires(name) or []]
        except PackageNotFoundError:
            continue
        if name not in found:
            found.add(name)
            left += [each.name for each in needs if not each.marker or each.marker.evaluate()]
    return found


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with torch, numpy and triton, and without zoo, pip and setuptools."""
    folder = tmp_path_factory.mktemp("machine")
    venv.create(folder, symlinks=True, with_pip=False)
    (site,) = folder.glob("lib/python*/site-packages")
    for name in with_needs([*THERE]):
        for top in {
            file.parts[0] for file in distribution(name).files or [] if ".." not in file.parts
        }:
            if top != "__pycache__":
                (site / top).symlink_to(Path(sysconfig.get_path("purelib")) / top)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheels of what zoo and its tests need, made of what is installed here."""
    folder = tmp_path_factory.mktemp("wheels")
    needed = with_needs(["zoo", "pytest", "hypothesis"]) - with_needs([*THERE]) - {"zoo"}
    for name in [*needed, "numpy"]:  # one that is there, and must not be used
        found = distribution(name)
        stem = found.metadata["Name"].replace("-", "_")
        with ZipFile(folder / f"{stem}-{found.version}-py3-none-any.whl", "w") as wheel:
            for file in found.files or []:
                if ".." not in file.parts and file.suffix != ".pyc":
                    wheel.write(str(found.locate_file(file)), str(file))
    return folder


def run(
    python: Path, wheels: Path, out: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    own = {
        "PYTHON": str(python),
        "ZOO_WHEELS": str(wheels),
        "OUT": str(out),
        "ZOO_GPU_DEVICE": "cpu",
        "ZOO_GPU_TESTS": "tests/train/test_device.py tests/engine/capture/test_graphed.py",
    }
    return subprocess.run(
        [SCRIPT], env=kept | own | variables, capture_output=True, text=True, check=False
    )


def parts(result: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """What the table says of each part."""
    rows = re.findall(r"^(\S.*?) +\d+  (\S.*)$", result.stdout, re.MULTILINE)
    return dict(rows)


def no_wheels(tmp_path: Path) -> Path:
    """A folder without any."""
    folder = tmp_path / "none"
    folder.mkdir()
    return folder


@pytest.mark.slow
def test_all_parts_on_a_cpu(python: Path, wheels: Path, tmp_path: Path) -> None:
    result = run(python, wheels, tmp_path, ZOO_GPU_NETWORKS=" ".join(NAMES), ZOO_GPU_BATCHES="2")
    assert (result.returncode, result.stderr) == (0, ""), result.stdout
    assert parts(result) == {
        "versions": "ok",
        "tests marked cuda": "ok",
        "the kernels' self-test": "ok",
        "zoo run n2n_small": "ok",
        **{f"bench {name}, batch 2, float32": "ok" for name in NAMES},
    }
    assert "numpy" in result.stdout
    assert "is there already" in result.stdout
    assert re.search(r"^zoo run: \d+ images/s$", result.stdout, re.MULTILINE)
    for name in NAMES:
        for step in ("training", "inference"):
            row = rf"^{name} +{step} +2( +\d+\.\d+){{3}}  float32$"
            assert re.search(row, result.stdout, re.MULTILINE)
    files = ["bench.jsonl", "log.txt", "run.txt", "selftest.txt", "table.txt", "tests.txt"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [*files, "versions.txt"]
    lines = (tmp_path / "bench.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["architecture"]["name"] for line in lines] == NAMES


def test_what_fails_does_not_stop_the_rest(python: Path, tmp_path: Path) -> None:
    """Without wheels nothing works, and the table says so of each part."""
    result = run(
        python, no_wheels(tmp_path), tmp_path / "out", ZOO_GPU_NETWORKS="r1", ZOO_GPU_BATCHES="2"
    )
    assert result.returncode == 1
    assert parts(result) == dict.fromkeys(
        [
            *("versions", "tests marked cuda", "the kernels' self-test", "zoo run n2n_small"),
            "bench r1, batch 2, float32",
        ],
        "failed (1)",
    )
    assert "ModuleNotFoundError: No module named 'packaging'" in result.stdout
    assert "zoo run: no speed" in result.stdout


def test_no_time(python: Path, tmp_path: Path) -> None:
    result = run(python, no_wheels(tmp_path), tmp_path / "out", ZOO_GPU_SECONDS="0")
    assert result.returncode == 1
    assert set(parts(result).values()) == {"not run: no time left"}
    assert len(parts(result)) == 4 + 2 * 4


@pytest.mark.parametrize("arguments", [["nonsense"], ["wheels"]])
def test_usage(arguments: list[str]) -> None:
    result = subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("Everything that only a GPU can show, in one go,")


@pytest.mark.parametrize("script", sorted((ROOT / ".ci").iterdir()), ids=lambda path: path.name)
def test_syntax(script: Path) -> None:
    if script.read_text("utf-8").startswith("#!/usr/bin/env bash"):
        result = subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=False)
        assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("ZOO_GPU_SECONDS", "abc", 'ZOO_GPU_SECONDS is "abc". Use a number of seconds.'),
        ("ZOO_GPU_DEVICE", "gpu", 'ZOO_GPU_DEVICE is "gpu". Use cuda or cpu.'),
        ("ZOO_WHEELS", "/nowhere", 'ZOO_WHEELS is "/nowhere", which is no folder.'),
    ],
)
def test_a_variable_that_cannot_be(variable: str, value: str, message: str) -> None:
    result = subprocess.run(
        [SCRIPT],
        env={"PATH": os.environ["PATH"], variable: value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f".ci/gpu: {message}\n"
