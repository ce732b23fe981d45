"""``data.range``: black and white by the user's word, in training, evaluation and denoising."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch

from zoo.data.sources.pickle_pairs import PicklePairs
from zoo.pictures.values import ValueRange

Cli = Callable[..., Any]
DARK = "the brightest value of all images is"


@pytest.fixture
def twelve(base: Path, cli: Cli) -> Path:
    """Pictures of 12 bits in 16, and the same with white at 65535."""
    slope = np.linspace(300, 3900, 40 * 48 * 3).reshape(40, 48, 3)
    for number in range(3):
        pixels = np.roll(slope, number * 7, 1).astype(np.uint16)
        for name, values in (("twelve", pixels), ("full", pixels * 16)):
            Path(name).mkdir(exist_ok=True)
            tifffile.imwrite(f"{name}/{number}.tif", values, photometric="rgb")
    return base / "tiny.toml"


def run(cli: Cli, file: Path, *arguments: str) -> tuple[dict[str, Any], str]:
    result = cli("run", file, "--epochs", "1", "--out", "out", *arguments)
    assert result.code == 0
    evaluation: dict[str, Any] = json.loads(Path("out/evaluation.json").read_text())
    return evaluation, result.err


def test_a_remark_where_white_may_be_lower(twelve: Path, cli: Cli) -> None:
    _, warnings = run(cli, twelve, "--data", "twelve")
    assert warnings.count(DARK) == 1
    assert "range = [0, 4095] in [data] for 12 bits" in warnings


def test_the_range_holds_in_training_evaluation_and_denoising(twelve: Path, cli: Cli) -> None:
    evaluation, warnings = run(cli, twelve, "--data", "twelve", "--set", "data.range=[0, 4095]")
    assert DARK not in warnings
    again = cli("evaluate", "out", "--data", "twelve", "--json")
    assert again.code == 0
    assert abs(json.loads(again.out)["psnr_noisy"] - evaluation["psnr_noisy"]) < 1
    result = cli("denoise", "out", "twelve/0.tif", "-o", "own.tif")
    assert (result.code, "--white" in result.err) == (0, False)
    result = cli("denoise", "out", "twelve/0.tif", "-o", "said.tif", "--white", "4095")
    assert result.code == 0
    assert np.array_equal(tifffile.imread("own.tif"), tifffile.imread("said.tif"))
    assert tifffile.imread("own.tif").max() <= 4095


def test_a_source_that_takes_no_range(twelve: Path, cli: Cli) -> None:
    result = cli("run", twelve, "--data", "demo", "--set", "data.range=[0, 100]", "--out", "out")
    assert result.code == 2
    assert result.err.endswith(
        "data.range: the source demo takes none. Leave range out, or use folder, pairs, pkl, "
        "burst or frames.\n"
    )


@pytest.mark.parametrize("depth", ["8", "16", "float"])
def test_another_depth_has_white_where_it_was_said(twelve: Path, cli: Cli, depth: str) -> None:
    """12 bits in 16 become 8 bits, or all of 16, or floats up to 1."""
    run(cli, twelve, "--data", "twelve", "--set", "data.range=[0, 4095]")
    result = cli(
        "denoise", "out", "twelve/0.tif", "-o", "a.tif", "--strength", "0", "--depth", depth
    )
    assert result.code == 0
    found, given = tifffile.imread("a.tif"), tifffile.imread("twelve/0.tif")
    if depth == "16":  # the file's own
        assert np.array_equal(found, given)
    else:
        white = {"8": 255, "float": 1}[depth]
        assert np.abs(found - given / 4095 * white).max() <= (0.51 if depth == "8" else 1e-6)


def test_float_pairs_with_any_noise(twelve: Path, cli: Cli) -> None:
    draws = np.random.default_rng(0)
    Path("pairs").mkdir()
    for number in range(3):
        clean = tifffile.imread(f"twelve/{number}.tif") / 4095
        for side in "ab":
            noisy = (clean + draws.normal(0, 0.3, clean.shape)).astype(np.float32)
            assert noisy.min() < 0
            assert noisy.max() > 1
            tifffile.imwrite(f"pairs/{number}_{side}.tif", noisy, photometric="rgb")
    evaluation, warnings = run(cli, twelve, "--data", "pairs:pairs")
    assert DARK not in warnings
    assert evaluation["psnr_noisy"] == pytest.approx(-10 * np.log10(2 * 0.09), abs=0.3)


NOISY = """
format = 1
name = "tiny"
input = { channels = 1, height = 16, width = 16 }
layers = [{ type = "conv2d", out_channels = { var = "input.channels" }, kernel_size = 1 }]
data = { noise = "none", target = "neighbors", samples_per_epoch = 8 }
train = { batch_size = 4, epochs = 1 }
"""
FAR = "Values are finite numbers up to 1e15 times white, which is 1 here."
NOT_DENOISED = "Replace what is no finite number, or more than 1e15 times white, which is 1 here."


@pytest.mark.parametrize(
    ("dtype", "value", "shown"),
    [
        *(("f4", 3e38, "3e+38"), ("f4", -3e38, "-3e+38"), ("f8", 1e300, "1e+300")),
        *(("f4", np.nan, "nan"), ("f4", np.inf, "inf"), ("f2", -np.inf, "-inf")),
    ],
)
def test_floats_that_no_network_computes_with(
    base: Path, cli: Cli, dtype: str, value: float, shown: str
) -> None:
    """One line from every command, and no warning of numpy (which fails a test)."""
    Path("noisy").mkdir()
    Path("noisy.toml").write_text(NOISY)
    pixels = np.random.default_rng(0).random((96, 48)).astype(dtype)
    tifffile.imwrite("noisy/good.tif", pixels)
    assert cli("run", "noisy.toml", "--data", "noisy", "--out", "run").code == 0
    pixels[2, 3] = value
    tifffile.imwrite("a.tif", pixels)
    read = f"a.tif: a value is {shown} at row 2, column 3. {FAR}\n"
    for command in (
        *(("data", "check", "a.tif"), ("data", "check", "a.tif", "--range", "auto")),
        ("run", "noisy.toml", "--data", "a.tif", "--out", "out"),
        ("denoise", "--self", "a.tif", "--network", "noisy.toml"),
    ):
        result = cli(*command)
        assert (result.code, result.err.removeprefix(f"{Path.cwd()}/")) == (4, read)
    result = cli("denoise", "run", "a.tif")
    expected = f"a.tif: a value of the image is {shown} at row 2, column 3. {NOT_DENOISED}\n"
    assert (result.code, result.err) == (4, expected)
    if np.isfinite(value) and dtype == "f4":  # of that white, it is a value like others
        assert cli("denoise", "run", "a.tif", "--white", "1e30").code == 0


@pytest.mark.parametrize("scale", [1e-35, 1e-300])
def test_values_too_small_to_be_told_apart(base: Path, cli: Cli, scale: float) -> None:
    Path("noisy.toml").write_text(NOISY)
    tifffile.imwrite("a.tif", np.random.default_rng(0).random((96, 48)) * scale)
    auto = ("--set", 'data.range="auto"')
    result = cli("run", "noisy.toml", "--data", "a.tif", "--out", "out", *auto)
    assert result.code == 4
    assert "data.range" in result.err
    assert result.err.count("\n") == 1
    assert not Path("out").exists()


def test_a_picture_too_dark_to_be_learnt_from(base: Path, cli: Cli) -> None:
    Path("noisy.toml").write_text(NOISY)
    tifffile.imwrite("a.tif", np.random.default_rng(0).random((96, 48)) * 1e-35)
    result = cli("denoise", "--self", "a.tif", "--network", "noisy.toml")
    assert result.code == 4
    assert result.err.startswith("a.tif: its values are from ")
    assert result.err.endswith(
        "too close together to learn from. Save it in another unit, or say which value is white.\n"
    )


def test_pairs_of_bytes_in_a_file(twelve: Path, cli: Cli) -> None:
    """They keep their white where that of the range is above it, as 8-bit pictures do."""
    run(cli, twelve, "--data", "twelve", "--set", "data.range=[0, 4095]")
    sides = torch.randint(256, (2, 2, 3, 16, 16), dtype=torch.uint8).unbind()
    torch.save(sides, "pairs.pkl")
    result = cli("evaluate", "out", "--data", "pairs.pkl", "--json", "--methods", "none")
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out)["psnr_noisy"] == pytest.approx(7.8, abs=0.5)  # of even noise
    images = PicklePairs("pairs.pkl", 3, value_range=ValueRange(51, 204))
    torch.testing.assert_close(images.first[0], (sides[0][0] - 51.0) / 153)
    images = PicklePairs("pairs.pkl", 3, value_range=ValueRange(0, 4095))
    assert torch.equal(images.first[0], sides[0][0])
