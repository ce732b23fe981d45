"""What a user reads when training goes wrong: a run that diverges, and one that learns nothing."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch

from zoo.train.checkpoint import load_checkpoint

UNBOUNDED = (
    *("--set", 'layers.3={type="conv2d", out_channels=3, kernel_size=1}'),
    *("--set", 'optimizer={type="sgd", lr=1e30}', "--set", 'train.schedule="constant"'),
)


@pytest.fixture
def diverged(cli: Callable[..., Any], base: Path, tmp_path: Path) -> Any:
    (tmp_path / "tiny.toml").write_text((base / "tiny.toml").read_text())
    (tmp_path / "photos").symlink_to(base / "photos")
    return cli("run", "tiny.toml", "--out", "run", *UNBOUNDED)


def test_what_a_diverged_run_says(diverged: Any, tmp_path: Path) -> None:
    assert (diverged.code, diverged.err) == (
        1,
        "training diverged at step 2 of 6 (epoch 1, lr 1e+30): layer 2 (upsampling, "
        "tiny.toml:16:1): its output is not finite, the first that is not.\n"
        "  The largest weight has grown to 5.46e+29: steps are too large. "
        "Use a smaller learning rate.\n"
        "  Look at the step: zoo run --replay run/diverged.pkl\n"
        "  run/last.pkl is of step 0, all finite, and is kept. Go on: zoo run "
        "run/architecture.toml --out run --resume --set optimizer.lr=0.02\n",
    )
    names = sorted(path.name for path in (tmp_path / "run").glob("*.pkl"))
    assert names == ["diverged.pkl", "last.pkl"]


def test_the_command_goes_on(diverged: Any, cli: Callable[..., Any], tmp_path: Path) -> None:
    result = cli(*shlex.split(diverged.err.rpartition("Go on: zoo ")[2]))
    assert (result.code, result.err) == (0, "")
    assert load_checkpoint(tmp_path / "run" / "last.pkl")["progress"]["step"] == 6


def test_a_last_checkpoint_that_cannot_train(
    cli: Callable[..., Any], base: Path, tmp_path: Path
) -> None:
    """It is saved after the step in which the weights have exploded, and all are finite."""
    often = ("--set", "train.checkpoint_every.steps=1")
    result = cli("run", base / "tiny.toml", "--out", "run", *UNBOUNDED, *often)
    line = result.err.splitlines()[-1]
    assert line == (
        "  run/last.pkl is of step 1, all finite, and is kept, but cannot train: its largest "
        "weight is 5.46e+29. Start a new run from step 0: zoo run run/architecture.toml --weights "
        "run/last.previous.pkl --set optimizer.lr=0.02"
    )
    result = cli(*shlex.split(line.rpartition(": zoo ")[2]), "--out", "next")
    assert (result.code, result.err) == (0, "")
    assert load_checkpoint(tmp_path / "next" / "last.pkl")["progress"]["step"] == 6


def test_its_step_is_repeated(diverged: Any, cli: Callable[..., Any]) -> None:
    result = cli("run", "--replay", "run/diverged.pkl", "--device", "cpu")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert max(map(len, lines[:-2])) <= 80
    assert lines[0] == f"step 2 (epoch 1, lr 1e+30), on cpu ({torch.get_num_threads()} threads)"
    rows = [line.split() for line in lines if re.match(r"[ >] \d", line)]
    assert [row[:3] for row in rows] == [
        ["0", "6", "conv2d"],
        ["1", "13", "relu"],
        [">", "2", "16"],
        ["3", "1", "conv2d"],
    ]
    assert lines[-2:] == [
        "The same came out: layer 2 (upsampling, tiny.toml:16:1): its output is not finite, the "
        "first that is not.",
        "The largest weight has grown to 5.46e+29: steps are too large. Use a smaller learning "
        "rate.",
    ]


def test_a_step_that_comes_out_otherwise(diverged: Any, cli: Callable[..., Any]) -> None:
    """A bundle with other weights, as after a change of a layer's code."""
    path = Path("run/diverged.pkl")
    content = load_checkpoint(path)
    for value in content["model"].values():
        value.mul_(1e-30)
    from zoo.train.checkpoint import save_checkpoint

    save_checkpoint(path, content)
    result = cli("run", "--replay", path, "--device", "cpu")
    assert result.code == 0
    assert "It came out otherwise: " in result.out
    assert "Recorded was: layer 2 (upsampling, tiny.toml:16:1): its output is" in result.out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "zoo run: Missing argument 'ARCH.toml'. See zoo run --help.\n"),
        (
            ("tiny.toml", "--replay", "run/diverged.pkl"),
            2,
            "--replay run/diverged.pkl: takes no ARCH.toml. Use it alone, or with --device.\n",
        ),
        (
            ("--replay", "run/diverged.pkl", "--resume"),
            2,
            "--replay run/diverged.pkl: takes no --resume. Use it alone, or with --device.\n",
        ),
        (("--replay", "none.pkl"), 5, "none.pkl: cannot be read: No such file or directory.\n"),
    ],
)
def test_replay_of_something_else(
    arguments: tuple[str, ...], code: int, message: str, cli: Callable[..., Any]
) -> None:
    result = cli("run", *arguments)
    assert (result.code, result.err) == (code, message)


def test_what_is_kept_and_how_to_go_on(cli: Callable[..., Any], base: Path, tmp_path: Path) -> None:
    """The first epoch is saved; in the second the rate is absurd."""
    settings = (
        *("--set", 'layers.3={type="conv2d", out_channels=3, kernel_size=1}'),
        *("--set", 'optimizer={type="sgd", lr=0.01}'),
        *("--set", 'train.schedule={type="step", every=1, factor=1e30}'),
    )
    result = cli("run", base / "tiny.toml", "--out", "run", "--epochs", "3", *settings)
    assert result.code == 1
    lines = result.err.splitlines()
    assert lines[0].startswith("training diverged at step 5 of 9 (epoch 2, lr 1e+28): ")
    assert lines[-2] == "  Look at the step: zoo run --replay run/diverged.pkl"
    assert re.fullmatch(
        r"  run/last\.pkl is of step 3, all finite, and is kept\. Go on: zoo run "
        r"run/architecture\.toml --out run --resume --set optimizer\.lr=\S+",
        lines[-1],
    )


def test_a_training_that_learns_nothing_says_so(cli: Callable[..., Any], base: Path) -> None:
    settings = ("--set", 'optimizer={type="sgd", lr=1e6}')
    result = cli("run", base / "tiny.toml", "--out", "run", *settings)
    assert result.code == 0
    assert re.fullmatch(
        r"warning: the result is no better than its noisy input: PSNR \d+\.\d\d dB, and 20\.00 "
        r"dB\. Likely cause: layer 3 \(sigmoid, \S+tiny\.toml:22:1\): 100 % of its "
        r"values are at its bounds .*\n",
        result.outcome,
    )


def test_weights_of_zeros_say_so(cli: Callable[..., Any], base: Path) -> None:
    zeros = [f'layers.{i}.{name}="zeros"' for i in (0, 2) for name in ("init", "bias_init")]
    result = cli(
        *("run", base / "tiny.toml", "--out", "run"),
        *(it for key in zeros for it in ("--set", key)),
    )
    assert result.code == 0
    assert "The network's output is the same everywhere, for all images." in result.outcome
    assert "Likely cause: " in result.outcome


NAN_IN_EVALUATION = """
import zoo
from zoo.nn import Module


@zoo.hookimpl
def zoo_layers():
    yield zoo.LayerEntry(
        name="nan_in_evaluation",
        factory="zoo_probe:NanInEvaluation",
        schema={"type": "object", "additionalProperties": False, "properties": {}},
        summary="For this test.",
        shape_rule="zoo.spec.shape_rules:elementwise",
    )


class NanInEvaluation(Module):
    def forward(self, x):
        return x if self.training else x * float("nan")

    def backward(self, grad_y):
        return grad_y

    def output_shape(self, input_shape):
        return tuple(input_shape)
"""


def test_validations_that_are_never_finite(
    cli: Callable[..., Any],
    base: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The run ends, the latest weights count, and there is no best.pkl."""
    plugins = tmp_path / "nan"
    plugins.mkdir()
    (plugins / "zoo_probe.py").write_text(NAN_IN_EVALUATION)
    monkeypatch.syspath_prepend(str(plugins))
    text = (base / "probed.toml").read_text().replace('"probe"', '"nan_in_evaluation"')
    (tmp_path / "net.toml").write_text(text)
    (tmp_path / "photos").symlink_to(base / "photos")
    result = cli("run", "net.toml", "--out", "run")
    assert (result.code, result.err) == (
        0,
        "warning: no validation gave a finite PSNR (of 2): there is no best epoch, and the latest "
        "weights count. The network's output is not finite in evaluation mode.\n",
    )
    assert not (tmp_path / "run" / "best.pkl").exists()
    assert json.loads((tmp_path / "run" / "evaluation.json").read_text())["weights"] == "last"


def test_a_value_that_is_no_pictures(cli: Callable[..., Any], base: Path, tmp_path: Path) -> None:
    """One pixel of 1e14 in one of six pairs: the batch is named, and no other rate is proposed."""
    draws = np.random.default_rng(0)
    (tmp_path / "pairs").mkdir()
    for index in range(6):
        clean = draws.uniform(0.3, 0.7, (20, 26, 3)).astype(np.float32)
        for view in "ab":
            noisy = clean + draws.normal(0, 0.05, clean.shape).astype(np.float32)
            noisy[5, 5, 0] = 1e14 if (index, view) == (3, "a") else 0.5
            path = tmp_path / "pairs" / f"{index}_{view}.tif"
            tifffile.imwrite(path, noisy, photometric="rgb")
    result = cli(
        *("run", base / "tiny.toml", "--data", "pairs:pairs", "--out", "run", "--epochs", "40"),
        *UNBOUNDED[:2],
    )
    assert result.code == 1
    lines = result.err.splitlines()
    assert re.match(r"training diverged at step \d+ of 120 \(epoch \d+, lr 0\.0\d+\): ", lines[-4])
    assert lines[-3] == (
        "  The batch has a value of 1e+14, and pictures lie in [0, 1]: the images or their noise "
        "are at fault. See zoo data check, and data.range."
    )
    assert lines[-1].endswith(
        "When the data are mended, start from it: zoo run run/architecture.toml --weights run"
    )


def test_nothing_is_said_of_a_loss_that_cannot_fall(base: Path, cli: Callable[..., Any]) -> None:
    for epochs, lr, cause in (
        ("2", "0", "The learning rate is 0: nothing was changed."),
        ("1", "1e-3", "One epoch is little: train for more, or with another learning rate."),
    ):
        words = ("run", base / "tiny.toml", "--epochs", epochs, "--out", f"run{lr}")
        result = cli(*words, "--set", f"optimizer.lr={lr}")
        assert result.code == 0
        assert result.outcome.endswith(f"{cause}\n"), result.outcome
