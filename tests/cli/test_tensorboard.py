from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tensorboardX.proto.event_pb2 import Event

from zoo.train.run_directory import RunDirectory
from zoo.train.tensorboard import Board


def events(run: Path) -> list[list[Any]]:
    """The events in each file, as TensorBoard reads them: length, checksum, event, checksum."""
    found = []
    for path in sorted((run / "tensorboard").iterdir(), key=lambda it: it.stat().st_mtime_ns):
        content, start, read = path.read_bytes(), 0, []
        while start < len(content):
            length = int.from_bytes(content[start : start + 8], "little")
            read.append(Event.FromString(content[start + 12 : start + 12 + length]))
            start += 16 + length
        found.append(read)
    return found


def values(event: Any) -> dict[str, Any]:
    return {value.tag: value for value in event.summary.value}


def test_what_tensorboard_is_given(cli: Callable[..., Any], base: Path, tmp_path: Path) -> None:
    result = cli("run", base / "tiny.toml", "--out", "run", "--tensorboard")
    assert result.code == 0
    assert result.out.splitlines()[4:6] == ["run: run", "tensorboard: run/tensorboard"]
    run = tmp_path / "run"
    (read,) = events(run)
    assert read[0].file_version == "brain.Event:2"
    metrics = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [event.step for event in read[2:]] == [3, 6]
    for event, line in zip(read[2:], metrics, strict=True):
        shown = {tag: value.simple_value for tag, value in values(event).items()}
        assert shown["loss/training"] == pytest.approx(line["train_loss"])
        assert shown["loss/validation"] == pytest.approx(line["val_loss"])
        assert shown["PSNR/validation, dB"] == pytest.approx(line["val_psnr"])
        assert shown["learning rate"] == pytest.approx(line["lr"])
        statistics = (run / "statistics.jsonl").read_text().splitlines()[line["epoch"]]
        layers = json.loads(statistics)["layers"]
        assert shown["gradient/0 conv2d"] == pytest.approx(layers[0]["gradient"])
        assert shown["saturated/3 sigmoid"] == layers[3]["saturated"]
        assert "saturated/0 conv2d" not in shown
    picture = values(read[2])["2.png: noisy, denoised, reference"].image
    shown = np.asarray(Image.open(io.BytesIO(picture.encoded_image_string)))
    assert shown.shape == (20, 3 * 26 + 2 * 4, 3)
    assert (picture.width, picture.height) == (86, 20)


def test_a_resumed_run(cli: Callable[..., Any], base: Path, tmp_path: Path) -> None:
    """It goes on in a second file; what a run without did before is written first."""
    cli("run", base / "tiny.toml", "--out", "run")
    for epochs in ("3", "4"):
        resumed = cli(
            *("run", base / "tiny.toml", "--out", "run", "--resume", "--epochs", epochs),
            "--tensorboard",
        )
        assert resumed.code == 0
    found = events(tmp_path / "run")
    steps = [[(event.step, bool(event.session_log.status)) for event in it[1:]] for it in found]
    first, second = [(7, True), (3, False), (6, False), (9, False)], [(10, True), (12, False)]
    assert steps == [first, second]


def test_it_cannot_be_written(tmp_path: Path) -> None:
    """Said once; training goes on."""
    (tmp_path / "tensorboard").touch()
    warnings: list[str] = []
    metrics: dict[str, Any] = {"epoch": 1, "step": 3, "train_loss": 1.0, "val_loss": 1.0}
    metrics |= {"val_psnr": None, "lr": 0.1, "seconds": 1.0}
    board = Board(RunDirectory(tmp_path), [], 0, warnings.append)
    board.after_epoch(metrics)
    board.close()
    assert warnings == [
        f"{tmp_path / 'tensorboard'}: cannot be written: File exists. Training goes on without it."
    ]


def test_without_the_library(
    cli: Callable[..., Any], base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    monkeypatch.setattr("zoo.optional.find_spec", lambda name: None)
    result = cli("run", base / "tiny.toml", "--out", "run", "--tensorboard")
    assert (result.code, result.err) == (
        2,
        "zoo run --tensorboard: needs tensorboardX, which is not installed. "
        "Install it with: pip install 'zoo[tensorboard]'.\n",
    )
    assert not (tmp_path / "run").exists()
