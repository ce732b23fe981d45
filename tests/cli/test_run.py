"""``zoo run`` from the command line to the files of the run."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from zoo.engine import passes
from zoo.engine.compiled import build
from zoo.train.checkpoint import load_checkpoint

NUMBER = r"-?\d+\.\d+"


def weights(run: Path, name: str = "last.pkl") -> dict[str, Any]:
    model: dict[str, Any] = torch.load(run / name, weights_only=True)["model"]
    return model


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_the_files_of_a_run(finished: Any) -> None:
    assert (finished.result.code, finished.result.err) == (0, "")
    assert sorted(path.name for path in finished.path.iterdir()) == [
        "architecture.toml",
        "best.pkl",
        "data.json",
        "environment.json",
        "evaluation.json",
        "examples.png",
        "images",
        "last.pkl",
        "last.previous.pkl",
        "metrics.jsonl",
        "statistics.jsonl",
    ]
    kept = json.loads((finished.path / "images" / "images.json").read_text())
    metrics = map(json.loads, (finished.path / "metrics.jsonl").read_text().splitlines())
    best = max(metrics, key=lambda line: line["val_psnr"])["epoch"]
    assert (kept["epoch"], kept["weights"]) == (best, "best")
    (image,) = kept["images"]
    assert (image["name"], image["role"]) == ("2.png", "best")
    evaluation = json.loads((finished.path / "evaluation.json").read_text())
    assert (image["psnr"], image["psnr_noisy"]) == (
        evaluation["psnr"],
        evaluation["psnr_noisy"],
    )
    files = [path.name for path in (finished.path / "images").iterdir()]
    assert sorted(files) == sorted(["images.json", *image["files"].values()])
    with Image.open(finished.path / "examples.png") as picture:
        assert picture.mode == "RGB"
        scale = 7  # the smallest that makes 20 pixels 128 or more
        assert picture.size == (3 * 26 * scale + 2 * 4, 20 * scale + 14)


def test_what_it_prints(finished: Any, base: Path) -> None:
    lines = finished.result.out.splitlines()
    assert lines[:5] == [
        "device: cpu (1 threads), precision float32",
        "model: tiny, 4 layers, 223 parameters",
        f"data: folder {base / 'photos'}, 4 images, 10 crops an epoch, "
        "1 image to validate on (2.png)",
        "validation: noise gaussian, sigma 25 is added; outputs are compared with the images "
        "before that",
        "run: run",
    ]
    for epoch, line in enumerate(lines[5:7], start=1):
        assert re.fullmatch(
            rf"epoch {epoch}/2  loss {NUMBER} noisy, {NUMBER} clean  PSNR {NUMBER} dB( best)?"
            r"  0:\d\d left",
            line,
        )
    assert "best" in lines[5]
    assert re.fullmatch(r"trained: 6 steps in 0:\d\d, \d+ images/s", lines[7])
    assert lines[8] == "1 image"
    names = [line.split("  ")[0] for line in lines[10:14]]
    assert names == ["noisy input", "gaussian blur, 0.9 px", "non-local means", "this model"]
    assert lines[14:] == [
        "pictures: run/examples.png, noisy, denoised and what that is compared with",
        "run: run",
        "page: zoo report run",
    ]
    assert max(map(len, lines[5:])) <= 80
    assert "\x1b" not in finished.result.out  # plain text where that is no terminal


def test_the_closing_table_has_the_numbers_of_evaluation_json(finished: Any) -> None:
    content = json.loads((finished.path / "evaluation.json").read_text())
    (row,) = [line for line in finished.result.out.splitlines() if "this model" in line]
    assert re.split(r"\s{2,}", row)[1:] == [
        f"{content['psnr']:.2f} dB",
        f"{content['psnr'] - content['psnr_noisy']:+.2f} dB",
        f"{content['psnr_of_mean_mse']:.2f} dB",
        f"{content['ssim']:.3f}",
    ]


def test_metrics_and_evaluation_agree(finished: Any) -> None:
    lines = [
        json.loads(line) for line in (finished.path / "metrics.jsonl").read_text().splitlines()
    ]
    for epoch, line in enumerate(lines, start=1):
        assert list(line) == [
            "epoch",
            "step",
            "train_loss",
            "val_loss",
            "val_psnr",
            "lr",
            "seconds",
        ]
        assert (line["epoch"], line["step"]) == (epoch, 3 * epoch)
    content = json.loads((finished.path / "evaluation.json").read_text())
    assert content["n_images"] == len(content["per_image"]) == 1
    assert content["weights"] == "best"
    assert content["data"].startswith("held out of folder /")
    assert content["psnr"] == pytest.approx(max(line["val_psnr"] for line in lines))
    assert content["per_image"][0]["psnr"] == content["psnr"]
    # one image: both PSNRs are the same, but for the description's 1e-8
    assert content["psnr_of_mean_mse"] == pytest.approx(content["psnr"], abs=1e-4)


def test_the_environment(finished: Any) -> None:
    content = json.loads((finished.path / "environment.json").read_text())
    assert list(content) == [
        *("versions", "platform", "device", "threads", "processes", "cuda", "convolutions"),
        *("precision", "backend"),
    ]
    assert content["versions"]["torch"] == torch.__version__
    assert content["versions"]["python"] == sys.version.split()[0]
    assert (content["device"], content["threads"]) == ("cpu (1 threads)", 1)
    assert content["precision"] == "float32"


def test_the_resolved_file_runs_again_to_the_same_weights(
    finished: Any, cli: Callable[..., Any], tmp_path: Path
) -> None:
    resolved = finished.path / "architecture.toml"
    result = cli("run", resolved, "--out", "again")
    assert (result.code, result.err) == (0, "")
    assert (tmp_path / "again" / "architecture.toml").read_text() == resolved.read_text()
    assert same(weights(tmp_path / "again"), weights(finished.path))
    for name in ("evaluation.json", "environment.json"):
        assert (tmp_path / "again" / name).read_text() == (finished.path / name).read_text()


def test_the_seed_decides(
    finished: Any, cli: Callable[..., Any], base: Path, tmp_path: Path
) -> None:
    for seed in ("0", "1"):
        assert cli("run", base / "tiny.toml", "--out", seed, "--seed", seed).code == 0
    assert same(weights(tmp_path / "0"), weights(finished.path))
    assert not same(weights(tmp_path / "1"), weights(finished.path))
    assert "seed = 1\n" in (tmp_path / "1" / "architecture.toml").read_text()


def test_the_options_change_the_file(cli: Callable[..., Any], base: Path, tmp_path: Path) -> None:
    result = cli(
        *("run", base / "tiny.toml", "--set", "train.epochs=7", "--epochs", "1"),
        *("--set", "layers.0.out_channels=6", "--set", 'optimizer="sgd"'),
    )
    assert (result.code, result.err) == (0, "")
    (run,) = (tmp_path / "runs").iterdir()
    assert re.fullmatch(r"tiny-\d{8}-\d{6}", run.name)
    assert f"run: runs/{run.name}" in result.out.splitlines()
    assert weights(run)["0.weight"].shape == (6, 3, 3, 3)
    assert len((run / "metrics.jsonl").read_text().splitlines()) == 1
    assert "momentum = 0" in (run / "architecture.toml").read_text()  # with every default


def test_autograd_is_off_in_the_whole_run(
    cli: Callable[..., Any], base: Path, tmp_path: Path
) -> None:
    assert cli("run", base / "probed.toml", "--out", "run").code == 0
    assert cli("evaluate", "run").code == 0
    seen = sys.modules["zoo_probe"].Probe.seen
    # six steps, none of them recorded, because the probe counts
    assert seen.count((True, False)) == 6
    assert seen.count(("backward", False)) == 6
    # validation of two epochs, evaluation, its images and examples, and evaluation again
    assert seen.count((False, False)) == 6
    assert len(seen) == 18
    assert (
        torch.load(tmp_path / "run" / "last.pkl", weights_only=True)["plugins"]["layer probe"]
        == "zoo-probe 1.0"
    )


def test_remarks_are_warnings(cli: Callable[..., Any], base: Path) -> None:
    change = 'data.noise={type="impulse"}'
    result = cli("run", base / "tiny.toml", "--out", "run", "--epochs", "1", "--set", change)
    assert (result.code, result.err) == (
        0,
        "warning: data.noise is impulse and data.evaluation_noise gaussian: the model is "
        "validated, and evaluated, on another noise than it learns. If it should not be, set "
        "data.evaluation_noise too\n"
        "warning: impulse noise is not zero-mean: with noisy targets the mse learns a mean that "
        'is drawn towards grey. Use loss = "l1", which learns the median, or '
        'data.target = "clean"\n',
    )


def test_grey_images(cli: Callable[..., Any], base: Path, tmp_path: Path) -> None:
    result = cli(
        *("run", base / "tiny.toml", "--out", "run", "--epochs", "1"),
        *("--set", "input.channels=1", "--set", "layers.2.out_channels=1"),
    )
    assert (result.code, result.err) == (0, "")
    assert json.loads((tmp_path / "run" / "evaluation.json").read_text())["ssim"] is not None


def test_a_run_in_bfloat16_says_so(cli: Callable[..., Any], base: Path, tmp_path: Path) -> None:
    result = cli(
        *("run", base / "tiny.toml", "--out", "run", "--epochs", "1"),
        *("--set", 'train.precision="bfloat16"'),
    )
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[0].endswith("threads), precision bfloat16")
    for name in ("environment.json", "evaluation.json"):
        assert json.loads((tmp_path / "run" / name).read_text())["precision"] == "bfloat16"
    assert {value.dtype for value in weights(tmp_path / "run").values()} == {torch.float32}
    result = cli("run", base / "tiny.toml", "--out", "run", "--epochs", "1", "--resume")
    assert result.code == 5
    assert 'train.precision was "bfloat16", is "float32". Only train.epochs, ' in result.err


@pytest.mark.skipif(bool(build.problem()), reason=build.problem() or "-")
def test_a_fast_run_says_so(cli: Callable[..., Any], base: Path, tmp_path: Path) -> None:
    line = ("run", base / "tiny.toml", "--out", "run", "--set", 'train.precision="fast"')
    result = cli(*line, "--epochs", "1")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[0].endswith("threads), precision fast")
    for name in ("environment.json", "evaluation.json"):
        assert json.loads((tmp_path / "run" / name).read_text())["precision"] == "fast"
    assert cli(*line, "--epochs", "2", "--resume").code == 0


def test_tf32_without_a_gpu(cli: Callable[..., Any], base: Path, tmp_path: Path) -> None:
    change = 'train.precision="tf32"'
    result = cli("run", base / "tiny.toml", "--out", "run", "--set", change)
    assert (result.code, result.out, result.err) == (
        2,
        "",
        '--set:1:1: train.precision: is "tf32", and the device cpu has no TF32. Use "float32", '
        '"fast" or "bfloat16", or an NVIDIA GPU of compute capability 8.0 or later.\n',
    )
    assert not (tmp_path / "run").exists()


def test_why_a_step_is_not_captured_is_a_warning(
    cli: Callable[..., Any], base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU, with a recorder that cannot record."""

    class Unable:
        what = "a CUDA graph"
        exact = False
        expected = True

        def warm_up(self, work: Callable[[], Any]) -> Any:
            return work()

        def record(self, work: Callable[[], Any], milestones: object) -> Any:
            raise RuntimeError("operation not permitted when stream is capturing\nmore")

    monkeypatch.setattr(passes, "recorder_for", lambda device, max_bytes: Unable())
    result = cli("run", base / "tiny.toml", "--out", "run")
    assert (result.code, result.err) == (
        0,
        "warning: the step is not captured as a CUDA graph: RuntimeError: operation not permitted "
        "when stream is capturing\n",
    )


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device")
def test_on_a_gpu(finished: Any, cli: Callable[..., Any], base: Path, tmp_path: Path) -> None:
    result = cli("run", base / "tiny.toml", "--out", "gpu", "--device", "cuda")
    assert (result.code, result.err) == (0, "")
    name = torch.cuda.get_device_name()
    assert result.out.splitlines()[0] == (
        f"device: cuda ({name}), precision float32, step captured as a CUDA graph"
    )
    for here, there in zip(
        (tmp_path / "gpu" / "metrics.jsonl").read_text().splitlines(),
        (finished.path / "metrics.jsonl").read_text().splitlines(),
        strict=True,
    ):
        on_gpu, on_cpu = json.loads(here), json.loads(there)
        # other crops and other noise: a GPU draws other numbers
        assert on_gpu["train_loss"] == pytest.approx(on_cpu["train_loss"], rel=0.5)
        assert on_gpu["val_psnr"] == pytest.approx(on_cpu["val_psnr"], abs=3)
    assert all(value.device.type == "cpu" for value in weights(tmp_path / "gpu").values())


def test_starting_from_trained_weights(
    finished: Any, cli: Callable[..., Any], base: Path, tmp_path: Path
) -> None:
    options = ("--weights", finished.path, "--set", "optimizer.lr=0", "--epochs", "1")
    result = cli("run", base / "tiny.toml", "--out", "tuned", *options)
    assert (result.code, result.err) == (
        0,
        "warning: the learning rate 0 is too small: the first step moves no weight at all. "
        "Use a larger one.\n",
    )
    assert f"weights: {finished.path}" in result.out.splitlines()
    best = finished.path / "best.pkl"
    origin = {"name": str(finished.path), "sha256": sha256(best.read_bytes()).hexdigest()}
    environment = json.loads((tmp_path / "tuned" / "environment.json").read_text())
    assert environment["started_from"] == origin
    tuned, trained = load_checkpoint(tmp_path / "tuned" / "best.pkl"), load_checkpoint(best)
    assert tuned["started_from"] == origin
    torch.testing.assert_close(tuned["model"], trained["model"], rtol=0, atol=0)


def test_weights_of_other_layers_and_none(
    finished: Any, cli: Callable[..., Any], base: Path, tmp_path: Path
) -> None:
    change = ("--set", "layers.0.out_channels=5")
    result = cli("run", base / "tiny.toml", "--out", "x", "--weights", finished.path, *change)
    assert (result.code, result.out) == (5, "")
    assert result.err.startswith(f"--weights {finished.path}: Sequential: the state differs: ")
    result = cli("run", base / "tiny.toml", "--out", "x", "--weights", "photo")
    assert (result.code, result.out, result.err) == (
        5,
        "",
        "photo: no run, checkpoint or installed model of that name. Installed models: none.\n",
    )
    result = cli("run", base / "tiny.toml", "--resume", "--weights", "photo")
    assert (result.code, result.out, result.err) == (
        2,
        "",
        "--weights photo: a resumed run has weights of its own. Use it without --resume.\n",
    )
    assert not (tmp_path / "x").exists()
