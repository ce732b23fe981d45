"""Tuples in one another, which take next to no bytes and endless time to hash, are refused."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import pytest
import torch

from zoo.data.torch_file import TorchFileError, load
from zoo.pickled import MOST_NESTED, operations
from zoo.plugins.discovery import discover
from zoo.plugins.registry import load_registry
from zoo.report.diverged import Diverged, read_diverged
from zoo.report.run_files import read_run

LONG = b"\x00\x00\x00\x01"
BOMBS = {
    "by DUP": b"\x80\x02})" + b"2\x86" * 64 + b"K\x01s.",
    "by memo": b"\x80\x02)q\x00" + b"h\x00h\x00\x86q\x00" * 64 + b"}h\x00K\x01s.",
    "by mark": b"\x80\x02)q\x00" + b"(h\x00h\x00tq\x00" * 64 + b"}h\x00K\x01s.",
    "by long memo": b"\x80\x02)r%b" % LONG
    + b"j%bj%b\x86r%b" % (LONG, LONG, LONG) * 64
    + b"}j%bK\x01s." % LONG,
}


def archive(path: Path, content: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("x/data.pkl", content)
        file.writestr("x/version", "3\n")
        file.writestr("x/byteorder", "little")
    return path


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_no_reader_hangs(bomb: bytes, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="tuples are nested too deeply"):
        list(operations(bomb))
    path = archive(tmp_path / "diverged.pkl", bomb)
    with pytest.raises(TorchFileError):
        load(path)
    assert read_diverged(path) == Diverged()


def test_what_is_no_bomb() -> None:
    nested: object = ()
    for _ in range(MOST_NESTED - 1):
        nested = (nested, 1)
    value = {"a": [nested, (1, 2), {"b": (3, [4, 5])}], (1, 2): None}
    for protocol in range(5):
        pickled = pickle.dumps(value, protocol)
        assert [name for name, _ in operations(pickled)][-1] == "STOP"
    stream = io.BytesIO()
    torch.save({"model": [torch.ones(3, 2) for _ in range(500)], "state": torch.ones(2)}, stream)
    with zipfile.ZipFile(stream) as file:
        (name,) = [it for it in file.namelist() if it.endswith("/data.pkl")]
        assert list(operations(file.read(name)))


def test_links_out_of_a_run_are_not_followed(tmp_path: Path) -> None:
    registry = load_registry(discover({"ZOO_PLUGINS": ""}))
    run = tmp_path / "run"
    (tmp_path / "secret").mkdir()
    run.mkdir()
    (run / "own.jsonl").write_text('{"epoch": 1}\n')
    (run / "metrics.jsonl").symlink_to("own.jsonl")  # within it
    for name in ("environment.json", "architecture.toml"):
        (tmp_path / "secret" / name).write_text('{"token": "SECRET"}')
        (run / name).symlink_to(tmp_path / "secret" / name)
    (run / "statistics.jsonl").symlink_to(tmp_path / "secret" / "environment.json")
    (run / "images").symlink_to(tmp_path / "secret")
    (run / "diverged.pkl").symlink_to(tmp_path / "secret" / "environment.json")
    found = read_run(run, registry)
    assert len(found.epochs) == 1
    assert (found.environment, found.toml, found.moments, found.pictures) == ({}, "", (), ())
    assert found.diverged == Diverged()
    reason = "a link to somewhere else, which is not followed"
    assert [it for it in found.missing if reason in it] == [
        f"architecture.toml cannot be read: {reason}.",
        f"statistics.jsonl cannot be read: {reason}.",
        f"environment.json cannot be read: {reason}.",
        f"images cannot be read: {reason}.",
    ]


def test_lines_without_end_and_extreme_numbers(tmp_path: Path) -> None:
    registry = load_registry(discover({"ZOO_PLUGINS": ""}))
    (tmp_path / "metrics.jsonl").write_text(
        '{"epoch": 1, "train_loss": 5e-324, "val_loss": 9e299}\n' + '{"epoch": 2}' + " " * 2**21
    )
    (tmp_path / "statistics.jsonl").write_bytes(b"\n" * 2**26 + b"no line")
    found = read_run(tmp_path, registry)
    assert [epoch.epoch for epoch in found.epochs] == [1, 2]
    assert found.epochs[0].train_loss == 0
    assert found.epochs[0].val_loss != found.epochs[0].val_loss  # not a number
    assert found.moments == ()
