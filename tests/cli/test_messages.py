"""What a user's mistake looks like: one line on stderr, an exit code, and nothing else."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

ALLOWED = "Images are PNG, JPEG, TIFF, BMP or WebP files."
PAIRS = "A file of pairs is a torch.save of two uint8 tensors of one shape (N, C, H, W)."
VALUES = (
    "Write a number, true, false, one word, a list such as [0, 4095], a table, or text in quotes."
)
KEYS = "Write keys joined by dots, such as optimizer.lr."
NOT_A_CHECKPOINT = "damaged, or not a checkpoint. Use a .pkl file that zoo has written."


@pytest.fixture
def folder(base: Path, tmp_path: Path) -> Path:
    """The working folder of ``cli``, with an architecture and images."""
    shutil.copytree(base, tmp_path, dirs_exist_ok=True)
    (tmp_path / "old").mkdir()
    shutil.copy(base / "tiny.toml", tmp_path / "old" / "architecture.toml")
    return tmp_path


def refused(result: Any, code: int, message: str) -> None:
    assert (result.code, result.out, result.err) == (code, "", f"{message}\n")


USAGE = [
    ("nope", "zoo: No such command 'nope'. See zoo --help."),
    ("chekc tiny.toml", "zoo: No such command 'chekc'. Did you mean check? See zoo --help."),
    ("run", "zoo run: Missing argument 'ARCH.toml'. See zoo run --help."),
    (
        "run tiny.toml more",
        "zoo run: Got unexpected extra argument (more). See zoo run --help.",
    ),
    (
        "run tiny.toml --epochs 0",
        "zoo run: Invalid value for '--epochs': is 0. Use an integer >= 1. See zoo run --help.",
    ),
    (
        "run tiny.toml --epochs 1.5",
        "zoo run: Invalid value for '--epochs': is 1.5. Use an integer >= 1. See zoo run --help.",
    ),
    (
        "run tiny.toml --seed -1",
        "zoo run: Invalid value for '--seed': is -1. Use an integer >= 0. See zoo run --help.",
    ),
    ("evaluate", "zoo evaluate: Missing argument 'MODEL'. See zoo evaluate --help."),
    (
        "run tiny.toml --device gpu",
        "--device gpu: no such device. Use auto, cpu, cuda or cuda:N.",
    ),
    ("run none.toml", "none.toml: cannot be read: No such file or directory."),
    ("run photos", "photos: cannot be read: Is a directory."),
    (
        "run old",
        "old: cannot be read: Is a directory. It is the folder of a run, whose file is "
        "old/architecture.toml: zoo run old/architecture.toml --out old --resume goes on with it.",
    ),
    (
        "run tiny.toml --data brust:x",
        '--data brust:x: is "brust:x". What stands before a colon is one of: pairs, burst, frames. '
        'Did you mean "burst:x"?',
    ),
    (
        "run tiny.toml --data folder:x",
        '--data folder:x: is "folder:x". What stands before a colon is one of: pairs, burst, '
        'frames. Did you mean "x"?',
    ),
    (
        "run tiny.toml --data a,b,c",
        '--data a,b,c: is "a,b,c", 3 names with commas between them. A comma stands between the '
        "two folders of pairs: name one folder, or two.",
    ),
    (
        "run tiny.toml --data https://x.org/a.zip",
        '--data https://x.org/a.zip: is "https://x.org/a.zip". zoo downloads nothing: name a '
        "folder or file.",
    ),
    (
        "run tiny.toml --out photos",
        "--out photos: already there. Use another folder.",
    ),
    (  # before the images are read
        "run tiny.toml --out photos --data none",
        "--out photos: already there. Use another folder.",
    ),
    (
        "run tiny.toml --out tiny.toml",
        "--out tiny.toml: already there. Use another folder.",
    ),
    ("run tiny.toml --out tiny.toml/x", "--out tiny.toml/x: cannot be made: Not a directory."),
]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_an_output_on_a_full_disk() -> None:
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [sys.executable, "-m", "zoo", "check", "--help"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=120,
        )
    message = "<stdout>: cannot be written: No space left on device.\n"
    assert (result.returncode, result.stderr) == (1, message)


@pytest.mark.parametrize(("line", "message"), USAGE)
def test_usage(line: str, message: str, cli: Callable[..., Any], folder: Path) -> None:
    refused(cli(*line.split()), 2, message)


CHANGES = [
    ("x", "\"x\" has no '='. Write KEY=VALUE, such as train.epochs=3."),
    ("=3", f'"" is not a key. {KEYS}'),
    ("#=3", f'"#" is not a key. {KEYS}'),
    ("a b=3", f'"a b" is not a key. {KEYS}'),
    ("train.epochs=", f"train.epochs: '' is not a TOML value. {VALUES}"),
    ("train.epochs=abc", 'train.epochs: is "abc". Use an integer >= 1.'),
    (
        "train.schedule=stp",
        'train.schedule: is "stp". Use one of: constant, cosine, one_cycle, '
        'step. Did you mean "step"?',
    ),
    (
        "data.augment.flip=True",
        'data.augment.flip: is "True". Use true or false. Write it in lower case.',
    ),
    (
        "data.source=2024",
        "data.source: is 2024. Use a name or a table with a 'type'. Text has quotes: \"2024\".",
    ),
    ("vars.wdth=8", "vars.wdth: is a variable that nothing in tiny.toml uses. It has none."),
    ("train.epochs=0", "train.epochs: is 0. Use an integer >= 1."),
    ("train.epochs=2.0", "train.epochs: is 2.0. Use an integer >= 1."),
    ("train.epochs=true", "train.epochs: is true. Use an integer >= 1."),
    (
        "train.epoch=3",
        "train.epoch: is not a known key. Known keys: backend, batch_size, checkpoint_every, "
        "epochs, on_divergence, precision, schedule, seed. Did you mean epochs?",
    ),
    ("layers.9.type='relu'", 'layers.9.type: layers has no item "9". Use 0 to 3.'),
    ("layers.x=1", 'layers.x: layers has no item "x". Use 0 to 3.'),
    ("format.a=1", "format.a: format is 1, which has no keys. Use a key of a table."),
    ("optimizer.lr=nan", "optimizer.lr: is nan. Use a finite number >= 0."),
    ("optimizer='sgdd'", 'optimizer: is "sgdd". Use one of: adam, sgd. Did you mean "sgd"?'),
    (
        "layers.3={type='conv2d'}",
        "layers.3.kernel_size: is missing. "
        "Use an integer >= 1 or a list of 2 integers >= 1.\n"
        "--set:1:1: layers.3.out_channels: is missing. Use an integer >= 1.",
    ),
    (
        "data.noise.sigma=[50,0]",
        "data.noise.sigma: gaussian: sigma is [50, 0]. Write the smaller number first.",
    ),
]


@pytest.mark.parametrize(("change", "message"), CHANGES)
def test_set(change: str, message: str, cli: Callable[..., Any], folder: Path) -> None:
    refused(cli("run", "tiny.toml", "--out", "run", "--set", change), 2, f"--set:1:1: {message}")
    assert not (folder / "run").exists()


def test_set_that_makes_the_layers_not_fit(cli: Callable[..., Any], folder: Path) -> None:
    refused(
        cli("run", "tiny.toml", "--set", "layers.2.out_channels=4"),
        2,
        "tiny.toml:22:1: the output is 4x16x16, the input 3x16x16: the loss cannot compare them. "
        "Use layers that give back the input's shape.",
    )


DATA = [
    ("none", "{}/none: no such folder. Give a folder of images."),
    (
        "empty",
        "{}/empty: has no picture files. Their names end in .png, .jpg, .jpeg, .jpe, .jfif, .tif, "
        ".tiff, .bmp, .webp.",
    ),
    ("text", f"{{}}/text/a.png: damaged, or not a file of this kind. {ALLOWED}"),
    ("cut", f"{{}}/cut/0.png: damaged, or not a file of this kind. {ALLOWED}"),
    ("void", f"{{}}/void/0.png: the file is empty. {ALLOWED}"),
    (
        "small",
        "0.png (and 3 more): 15 x 16 pixels (height x width), too small for crops of 16 x 16. "
        "Leave it out, or use smaller crops or blocks. Set input.height to 15 or less and "
        "input.width to 16 or less.",
    ),
    ("one", "data: there is only one image to train and to validate on, a.png. Give two or more."),
    ("text.pkl", f"{{}}/text.pkl: damaged, or not a file of this kind. {PAIRS}"),
    ("none.pkl", f"{{}}/none.pkl: no such file. {PAIRS}"),
    ("tensor.pkl", f"{{}}/tensor.pkl: holds a Tensor. {PAIRS}"),
    ("none,photos", "{}/none: no such folder. Give a folder of images."),
    ("x/brust:x", "{}/x/brust:x: no such folder. Give a folder of images."),
    (
        "burst:one/a.png",
        "{}/one/a.png: is a file. A burst has a folder for each scene, with its "
        "shots: name the folder that has these. For the frames of one film: frames:FILE.",
    ),
]


@pytest.fixture
def bad_data(folder: Path) -> None:
    for name in ("empty", "text", "cut", "void", "small", "one"):
        (folder / name).mkdir()
    (folder / "text" / "a.png").write_text("not a picture\n")
    (folder / "cut" / "0.png").write_bytes((folder / "photos" / "0.png").read_bytes()[:200])
    (folder / "void" / "0.png").touch()
    for index in range(5):
        Image.new("RGB", (16, 15)).save(folder / "small" / f"{index}.png")
    Image.new("RGB", (32, 31)).save(folder / "one" / "a.png")
    (folder / "text.pkl").write_text("not a pickle\n")
    torch.save(torch.ones(3), folder / "tensor.pkl")


@pytest.mark.usefixtures("bad_data")
@pytest.mark.parametrize(("source", "message"), DATA)
def test_data(source: str, message: str, cli: Callable[..., Any], folder: Path) -> None:
    result = cli("run", "tiny.toml", "--out", "run", "--data", source)
    refused(result, 4, message.format(folder))
    assert not (folder / "run").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "evaluate none.pkl",
            "none.pkl: no run, checkpoint or installed model of that name. Installed models: none.",
        ),
        ("evaluate photos", "photos: no best.pkl or last.pkl in it. Use a run's folder."),
        ("evaluate tiny.toml", f"tiny.toml: {NOT_A_CHECKPOINT}"),
        ("run tiny.toml --resume", "runs: no run of 'tiny' to resume. Name one with --out."),
        (
            "run tiny.toml --out photos --resume",
            "photos: no last.pkl to resume from. Use a run's folder.",
        ),
    ],
)
def test_checkpoints(line: str, message: str, cli: Callable[..., Any], folder: Path) -> None:
    refused(cli(*line.split()), 5, message)


def test_a_damaged_checkpoint(finished: Any, cli: Callable[..., Any], tmp_path: Path) -> None:
    data = bytearray((finished.path / "best.pkl").read_bytes())
    position = data.index(
        torch.load(finished.path / "best.pkl", weights_only=True)["model"]["0.weight"]
        .numpy()
        .tobytes()
    )
    data[position + 5] ^= 1
    (tmp_path / "damaged.pkl").write_bytes(data)
    result = cli("evaluate", "damaged.pkl")
    assert (result.code, result.out) == (5, "")
    assert result.err == (
        "damaged.pkl: damaged: its checksum is wrong. Use a .pkl file that zoo has written.\n"
    )


def test_a_used_folder_is_left_as_it_is(cli: Callable[..., Any], folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in (folder / "photos").iterdir()}
    assert cli("run", "tiny.toml", "--out", "photos").code == 2
    assert {path.name: path.read_bytes() for path in (folder / "photos").iterdir()} == before


def test_a_gpu_that_is_not_there(cli: Callable[..., Any], folder: Path) -> None:
    for name in ("cuda", "cuda:1"):
        result = cli("run", "tiny.toml", "--device", name)
        assert (result.code, result.out) == (2, "")
        assert re.fullmatch(
            rf"--device {name}: torch \S+ (is built without CUDA|finds no GPU)\. "
            r"Use cpu or auto\.\n",
            result.err,
        )


def test_a_plugin_error(
    cli: Callable[..., Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_PLUGINS", "none")
    message = "ZOO_PLUGINS: no installed plugin is called 'none'. Installed: "
    result = cli("run", "tiny.toml")
    assert (result.code, result.out) == (3, "")
    assert result.err.startswith(message)  # then all that are installed
    assert "zoo-probe" in result.err
    assert result.err.count("\n") == 1


def test_a_full_disk(
    cli: Callable[..., Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    message = "run/last.pkl: cannot be written: No space left on device."
    refused(cli("run", "tiny.toml", "--out", "run"), 1, message)


def test_no_command_shows_the_help(cli: Callable[..., Any]) -> None:
    result = cli()
    assert (result.code, result.err) == (0, "")
    assert result.out == cli("--help").out
    assert result.out.startswith("Usage: zoo [OPTIONS] COMMAND [ARGS]...")


def test_plugin_alone_shows_its_help(cli: Callable[..., Any]) -> None:
    result = cli("plugin")
    assert (result.code, result.err) == (0, "")
    assert result.out == cli("plugin", "--help").out
    assert "check  Check an installed plugin." in result.out


@pytest.mark.parametrize("command", ["--help", "layers", "layers --json", "plugins"])
def test_a_closed_pipe_is_no_error(command: str, tmp_path: Path) -> None:
    """As of ``zoo layers | true``: nobody reads the output."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer) as closed:
        result = subprocess.run(
            [sys.executable, "-m", "zoo", *command.split()],
            cwd=tmp_path,
            env={**os.environ, "ZOO_PLUGINS": ""},
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (result.returncode, result.stderr) == (128 + signal.SIGPIPE, "")


def test_no_traceback_unless_asked_for(
    cli: Callable[..., Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that zoo does not raise on purpose is a line too."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("zoo.train.find_model.find_model", fail)
    refused(
        cli("evaluate", "none.pkl"),
        1,
        "zoo: unexpected error: ZeroDivisionError: by zero. "
        "ZOO_DEBUG=1 shows where; please report it.",
    )


def test_debugging_shows_the_traceback(base: Path, process: Callable[..., Any]) -> None:
    plain = process("evaluate", "none.pkl", cwd=base)
    assert (plain.code, plain.err) == (
        5,
        "none.pkl: no run, checkpoint or installed model of that name. Installed models: none.\n",
    )
    debug = process("evaluate", "none.pkl", cwd=base, ZOO_DEBUG="1")
    assert debug.code == 5
    assert debug.err.startswith("Traceback (most recent call last):")
    assert "zoo.errors.CheckpointError: none.pkl: no run, " in debug.err
    assert debug.err.endswith(f"\n{plain.err}")
