"""``zoo plugin new``: what it makes installs, passes its own tests and trains, at once."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.environments import Environment, make_environment
from zoo.files import create_folder
from zoo.plugins.scaffold import names_of, plugin_files

FILES = [
    ".gitignore",
    "README.md",
    "architectures/swish.toml",
    "pyproject.toml",
    "tests/test_swish.py",
    "zoo_swish/__init__.py",
    "zoo_swish/plugin.py",
    "zoo_swish/swish.py",
]


def files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new plugin; only to be read."""
    folder = tmp_path_factory.mktemp("made")
    command = [sys.executable, "-m", "zoo", "plugin", "new", "zoo-swish"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "zoo-swish"


@pytest.fixture(scope="module")
def environment(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """A fresh environment in which that plugin is installed as its author would."""
    environment = make_environment(tmp_path_factory.mktemp("fresh") / "env")
    installed = environment.run("python", "-m", "pip", "install", ".[test]", cwd=made)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    assert "Successfully installed zoo-swish-0.1.0" in installed.stdout
    return environment


def test_it_says_what_to_do_next(cli: Callable[..., Any], tmp_path: Path) -> None:
    result = cli("plugin", "new", "zoo-swish")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        "wrote zoo-swish: the plugin zoo-swish with the layer swish",
        "go there:    cd zoo-swish",
        "install it:  python -m pip install -e '.[test]'",
        "test it:     python -m pytest",
        "check it:    zoo plugin check zoo-swish",
        "train it:    zoo run architectures/swish.toml",
    ]
    assert names(tmp_path) == ["zoo-swish"]
    assert files(tmp_path / "zoo-swish") == FILES


def test_a_name_with_a_space(cli: Callable[..., Any], tmp_path: Path) -> None:
    result = cli("plugin", "new", "My Blur")
    assert result.code == 0
    assert result.out.splitlines()[:2] == [
        "wrote My Blur: the plugin my-blur with the layer my_blur_swish",
        "go there:    cd 'My Blur'",
    ]
    assert (tmp_path / "My Blur" / "architectures" / "my_blur_swish.toml").is_file()


def test_an_empty_folder_is_used(cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "zoo-swish").mkdir()
    assert cli("plugin", "new", "zoo-swish").code == 0
    assert files(tmp_path / "zoo-swish") == FILES


def test_the_rights_are_those_of_any_new_file(cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other.txt").touch()
    assert cli("plugin", "new", "zoo-swish").code == 0
    made = tmp_path / "zoo-swish"
    assert made.stat().st_mode == (tmp_path / "other").stat().st_mode
    assert (made / "README.md").stat().st_mode == (tmp_path / "other.txt").stat().st_mode


TAKEN = "{}: is there already and stays as it is. Use another name."


def a_file(folder: Path) -> None:
    (folder / "taken").write_text("mine")


def a_full_folder(folder: Path) -> None:
    (folder / "taken").mkdir()
    (folder / "taken" / "mine.txt").write_text("mine")


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("taken", a_file, TAKEN.format("taken")),
        ("taken", a_full_folder, TAKEN.format("taken")),
        ("..", lambda folder: None, TAKEN.format("..")),
        (
            ".",
            lambda folder: None,
            ".: is the folder you are in. Name one inside it, or beside it.",
        ),
        (
            "no/zoo-swish",
            lambda folder: None,
            "no/zoo-swish: there is no folder no. Make it first.",
        ),
        (
            "json",
            lambda folder: None,
            "json: json is the name of something installed. Use another.",
        ),
        (
            "zoo",
            lambda folder: None,
            "zoo: zoo is the name of something installed. Use another.",
        ),
        (
            "scikit-image",
            lambda folder: None,
            "scikit-image: scikit-image is the name of something installed. Use another.",
        ),
    ],
)
def test_what_cannot_be_used_is_refused(
    name: str,
    make: Callable[[Path], None],
    message: str,
    cli: Callable[..., Any],
    tmp_path: Path,
) -> None:
    make(tmp_path)
    before = files(tmp_path)
    result = cli("plugin", "new", name)
    assert (result.code, result.out, result.err) == (2, "", f"{message}\n")
    assert files(tmp_path) == before
    assert not before or (tmp_path / before[0]).read_text() == "mine"


def test_a_folder_that_is_made_meanwhile_stays(
    cli: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(path: Path, texts: dict[str, str]) -> None:
        a_full_folder(path.parent)
        create_folder(path, texts)

    monkeypatch.setattr("zoo.cli.plugin_new.create_folder", slowly)
    result = cli("plugin", "new", "taken")
    assert (result.code, result.err) == (2, f"{TAKEN.format('taken')}\n")
    assert files(tmp_path) == ["taken/mine.txt"]
    assert names(tmp_path) == ["taken"]


def test_nothing_is_left_half_written(
    cli: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_bytes

    def until_full(self: Path, data: bytes) -> int:
        if self.name == "plugin.py":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", until_full)
    result = cli("plugin", "new", "zoo-swish")
    assert result.err == f"{tmp_path / 'zoo-swish'}: cannot be written: No space left on device.\n"
    assert result.code == 1
    assert names(tmp_path) == []


def test_help_imports_no_torch() -> None:
    code = "import sys\nfrom zoo.cli import main\nsys.argv = ['zoo', 'plugin', 'new', '--help']\n"
    code += "try: main()\nexcept SystemExit: print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.startswith("Usage: zoo plugin new [OPTIONS] DIR\n")
    assert result.stdout.endswith("\nFalse\n")


@pytest.mark.slow
def test_it_passes_its_own_tests_from_a_folder(tmp_path: Path) -> None:
    """Installed into a folder on the path, beside whatever else is installed here."""
    site = tmp_path / "site"
    options = ["--no-build-isolation", "--no-deps", "--no-index", "--no-compile", "--quiet"]
    create_folder(tmp_path / "zoo-swish", plugin_files(names_of("zoo-swish")))
    command = [sys.executable, "-m", "pip", "install", *options, "--target", site, "./zoo-swish"]
    installed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert installed.returncode == 0, installed.stderr
    assert files(site / "zoo_swish") == sorted(
        name.removeprefix("zoo_swish/") for name in FILES if name.startswith("zoo_swish/")
    )
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "zoo-swish/tests"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site), "ZOO_PLUGINS": "zoo-swish"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert " passed" in result.stdout
    assert " failed" not in result.stdout


@pytest.mark.slow
def test_it_installs_in_a_fresh_environment_and_passes_its_own_tests(
    made: Path, environment: Environment, tmp_path: Path
) -> None:
    result = environment.run(
        *("python", "-m", "pytest", "-p", "no:cacheprovider", "-q", made / "tests"), cwd=tmp_path
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert " passed" in result.stdout


@pytest.mark.slow
def test_it_is_listed_and_its_layer_described(environment: Environment, tmp_path: Path) -> None:
    listed = environment.run("zoo", "plugins", "--json", cwd=tmp_path)
    assert json.loads(listed.stdout) == [
        {
            "distribution": "zoo-swish",
            "version": "0.1.0",
            "entry_point": "plugin",
            "contributes": {"layer": ["swish"]},
            "state": "works",
            "reasons": [],
            "imports_torch": False,
        }
    ]
    described = environment.run("zoo", "layers", "swish", cwd=tmp_path)
    assert (described.returncode, described.stderr) == (0, "")
    assert "grad_x = grad_y (s + b x s (1 - s))" in described.stdout


@pytest.mark.slow
def test_it_passes_the_check(environment: Environment, tmp_path: Path) -> None:
    result = environment.run("zoo", "plugin", "check", "zoo-swish", "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    report = json.loads(result.stdout)
    assert report["passed"]
    assert [entry["entry"] for entry in report["entries"]] == ["zoo-swish", "layer swish"]
    assert min(entry["passed"] for entry in report["entries"]) > 0


@pytest.mark.slow
def test_its_architecture_trains_on_the_demo(
    made: Path, environment: Environment, tmp_path: Path
) -> None:
    """A sixteenth of what its file says; enough to take away half of the noise's energy."""
    result = environment.run(
        *("zoo", "run", made / "architectures" / "swish.toml", "--out", "run"),
        *("--epochs", "1", "--set", "data.samples_per_epoch=2000"),
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    evaluation = json.loads((tmp_path / "run" / "evaluation.json").read_text("utf-8"))
    assert evaluation["psnr"] > evaluation["psnr_noisy"] + 3


def test_what_it_makes_is_in_order(made: Path) -> None:
    for check in (["check"], ["format", "--check"]):
        result = subprocess.run(
            [sys.executable, "-m", "ruff", *check, "--no-cache", "."],
            cwd=made,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
