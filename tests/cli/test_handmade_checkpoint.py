"""A checkpoint whose content is not what it should be, by every way that one comes in."""

from __future__ import annotations

import copy
import io
import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import zoo
from zoo.data.torch_file import sealed
from zoo.errors import CheckpointError
from zoo.train.checkpoint import load_checkpoint


def forged(path: Path, source: Path, **changes: Any) -> Path:
    stream = io.BytesIO()
    torch.save({**load_checkpoint(source), **changes}, stream)
    path.write_bytes(sealed(stream.getvalue()))
    return path


@pytest.fixture
def nan(finished: Any, tmp_path: Path) -> Path:
    """A checkpoint with a weight that is no number."""
    model = dict(load_checkpoint(finished.path / "best.pkl")["model"])
    model["0.bias"] = torch.full((4,), torch.nan)
    return forged(tmp_path / "nan.pkl", finished.path / "best.pkl", model=model)


MESSAGE = 'model."0.bias": has values that are not finite. Use finite numbers.'


@pytest.mark.parametrize(
    "command",
    [
        ["evaluate", "nan.pkl"],
        ["denoise", "nan.pkl", "x.png"],
        ["export", "nan.pkl", "-o", "x.safetensors"],
        ["run", "{base}/tiny.toml", "--weights", "nan.pkl", "--out", "out"],
    ],
    ids=lambda command: command[0],
)
def test_a_command(command: list[str], nan: Path, base: Path, cli: Callable[..., Any]) -> None:
    shutil.copy(base / "photos" / "0.png", "x.png")
    result = cli(*(part.format(base=base) for part in command))
    assert (result.code, result.err) == (5, f"nan.pkl: {MESSAGE}\n")
    assert sorted(it.name for it in Path().iterdir()) == ["nan.pkl", "x.png"]  # nothing was written


def test_python(nan: Path) -> None:
    for load in (zoo.load, zoo.load_checkpoint):
        with pytest.raises(CheckpointError) as error:
            load(nan)
        assert str(error.value) == f"{nan}: {MESSAGE}"


def test_resuming_goes_back_to_the_checkpoint_before(
    finished: Any, base: Path, tmp_path: Path, cli: Callable[..., Any]
) -> None:
    shutil.copytree(finished.path, tmp_path / "run")
    last = tmp_path / "run" / "last.pkl"
    progress = {**load_checkpoint(last)["progress"], "step": -1}
    forged(last, last, progress=progress)
    resume = ["run", base / "tiny.toml", "--out", "run", "--resume"]
    result = cli(*resume)
    assert result.code == 0
    assert result.err.startswith(
        "warning: run/last.pkl: progress.step: is -1. Use an integer >= 0. Going on from "
    )
    forged(last, last, progress=progress)
    for name in ("last.previous.pkl", "best.pkl"):
        shutil.copy(last, last.with_name(name))
    result = cli(*resume)
    assert (result.code, result.err) == (
        5,
        "run/last.pkl: progress.step: is -1. Use an integer >= 0.\n",
    )


def squares_below_zero(content: dict[str, Any]) -> None:
    content["optimizer"]["state"][0]["exp_avg_sq"].fill_(-1)


IMPOSSIBLE: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "step_in_epoch": (
        lambda content: content["progress"].update(step_in_epoch=10**9, step=10**9 + 10),
        "progress.step is 1000000010, with epoch 2 and step_in_epoch 1000000000, ",
    ),
    "step": (
        lambda content: content["progress"].update(step=3),
        "progress.step is 3, with epoch 2 and step_in_epoch 0, ",
    ),
    "squares": (
        squares_below_zero,
        "Adam: the state differs: state[0].exp_avg_sq has values below",
    ),
    "no_images": (
        lambda content: content["data"].update(train=[], held_out=[]),
        "data: is no record of images. Use lists ",
    ),
}


@pytest.mark.parametrize(("change", "message"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_what_no_run_has_cannot_be_resumed(
    change: Callable[[dict[str, Any]], object],
    message: str,
    finished: Any,
    base: Path,
    tmp_path: Path,
    cli: Callable[..., Any],
) -> None:
    shutil.copytree(finished.path, tmp_path / "run")
    last = tmp_path / "run" / "last.pkl"
    content = copy.deepcopy(load_checkpoint(last))
    change(content)
    forged(last, last, **content)
    for name in ("last.previous.pkl", "best.pkl"):
        last.with_name(name).unlink()
    result = cli("run", base / "tiny.toml", "--out", "run", "--resume", "--epochs", "3")
    assert result.code == 5
    assert message in result.err
    assert len(result.err.splitlines()) == 1


def test_held_out_images_that_are_trained_on(
    finished: Any, base: Path, tmp_path: Path, cli: Callable[..., Any]
) -> None:
    shutil.copytree(finished.path, tmp_path / "run")
    last = tmp_path / "run" / "last.pkl"
    data = load_checkpoint(last)["data"]
    names = [item["name"] for item in data["train"]]
    forged(last, last, data={"train": data["train"], "held_out": data["train"][:1]})
    result = cli("run", base / "tiny.toml", "--out", "run", "--resume")
    assert (result.code, result.err.splitlines()[0]) == (
        0,
        "warning: run/last.pkl: data: 1 of the 1 held-out images are trained on too "
        f"({names[0]}): figures on these are too good",
    )


def test_no_other_file_is_read(finished: Any, tmp_path: Path, cli: Callable[..., Any]) -> None:
    (tmp_path / "secret").write_text("root:x:0:0")
    text = load_checkpoint(finished.path / "best.pkl")["architecture"]
    extends = f'extends = "{tmp_path / "secret"}"\n{text}'
    forged(tmp_path / "x.pkl", finished.path / "best.pkl", architecture=extends)
    result = cli("evaluate", "x.pkl")
    assert (result.code, result.err) == (
        5,
        "x.pkl:1:1: extends: has no place in a resolved architecture. Remove it.\n",
    )


def test_a_file_of_a_run_that_is_damaged_is_not_needed(
    finished: Any, tmp_path: Path, cli: Callable[..., Any]
) -> None:
    shutil.copytree(finished.path, tmp_path / "run")
    for name in ("metrics.jsonl", "evaluation.json", "environment.json", "architecture.toml"):
        (tmp_path / "run" / name).write_bytes(b"\xff{")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cli("evaluate", "run", "--methods", "none").code == 0


@pytest.mark.parametrize("kind", ["fifo", "folder", "link", "device"])
def test_what_is_no_regular_file(
    kind: str, base: Path, tmp_path: Path, cli: Callable[..., Any]
) -> None:
    """Nothing is waited for, and nothing read that has no end."""
    for ending in ("toml", "pkl", "png"):
        path = tmp_path / f"x.{ending}"
        if kind == "fifo":
            os.mkfifo(path)
        elif kind == "folder":
            path.mkdir()
        else:
            path.symlink_to(path.name if kind == "link" else "/dev/zero")
    for code, *command in (
        (2, "check", "x.toml"),
        (2, "new", "y.toml", "--from", "x.toml"),
        (5, "evaluate", "x.pkl"),
        (4, "run", base / "tiny.toml", "--data", "x.pkl", "--out", "out"),
    ):
        result = cli(*command)
        lines = result.err.splitlines()
        wrong_source = kind == "link" and code == 4  # no path that can exist
        assert (result.code, len(lines)) == (2 if wrong_source else code, 1), command
        assert "unexpected" not in lines[0]
        assert not (tmp_path / "out").exists()


def test_a_large_file_says_how_it_is_allowed(
    tmp_path: Path, cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.toml").write_text("#" * (2**20 + 1))
    result = cli("check", "x.toml")
    assert (result.code, result.err) == (
        2,
        "x.toml: cannot be read: 1,048,577 bytes are more than the 1,048,576 allowed here. "
        "ZOO_MAX_TEXT_BYTES=1048577 allows it.\n",
    )
    monkeypatch.setenv("ZOO_MAX_TEXT_BYTES", "1048577")
    assert "allowed here" not in cli("check", "x.toml").err


def test_very_many_mistakes_are_not_all_reported(tmp_path: Path, cli: Callable[..., Any]) -> None:
    (tmp_path / "x.toml").write_text("".join(f"key_{index} = 1\n" for index in range(5000)))
    result = cli("check", "x.toml")
    lines = result.err.splitlines()
    assert result.code == 2
    assert len(lines) == 101
    assert lines[-1] == "x.toml: has 100 mistakes or more. The search has ended here."


MEASURED = (
    "A checkpoint has the values of black and white that its run has measured: use a .pkl file "
    "that zoo has written.\n"
)


@pytest.fixture
def auto(finished: Any, tmp_path: Path) -> Path:
    """A run whose checkpoints have never measured what is black and white."""
    shutil.copytree(finished.path, tmp_path / "run")
    for name in ("best.pkl", "last.pkl"):
        text = load_checkpoint(finished.path / name)["architecture"]
        text = text.replace("[data]\n", '[data]\nrange = "auto"\n', 1)
        forged(tmp_path / "run" / name, finished.path / name, architecture=text)
    return tmp_path / "run"


@pytest.mark.parametrize(
    "command",
    [
        ["evaluate", "run"],
        ["denoise", "run", "x.png"],
        ["export", "run", "-o", "x.safetensors"],
    ],
    ids=lambda command: command[0],
)
def test_a_range_that_was_never_measured(
    command: list[str], auto: Path, base: Path, cli: Callable[..., Any]
) -> None:
    shutil.copy(base / "photos" / "0.png", "x.png")
    result = cli(*command)
    assert result.code == 5
    assert result.err.startswith("run/best.pkl:")
    assert result.err.endswith(f': data.range: is "auto". {MEASURED}')
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    ("recorded", "message"),
    [
        ('range = "auto"\n', f'data.range: is "auto". {MEASURED}'),
        ("range = [0, 1e-300]\n", f"data.range: is [0, 1e-300]. {MEASURED}"),
        ("range = [0]\n", f"data.range: is [0]. {MEASURED}"),
        ("", 'another architecture: data.range was not set, is "auto". '),
    ],
)
def test_resuming_where_the_range_is_measured(
    recorded: str, message: str, finished: Any, base: Path, cli: Callable[..., Any], tmp_path: Path
) -> None:
    shutil.copytree(finished.path, tmp_path / "run")
    text = load_checkpoint(finished.path / "last.pkl")["architecture"]
    text = text.replace("[data]\n", f"[data]\n{recorded}", 1)
    forged(tmp_path / "run" / "last.pkl", finished.path / "last.pkl", architecture=text)
    (tmp_path / "run" / "last.previous.pkl").unlink(missing_ok=True)
    file = finished.path / "architecture.toml"
    auto = ("--set", 'data.range="auto"')
    result = cli("run", file, "--out", "run", "--resume", *auto)
    assert result.code == 5
    assert result.err.startswith(f"run/last.pkl: {message}")
    assert result.err.count("\n") == 1
