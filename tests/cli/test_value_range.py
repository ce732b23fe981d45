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
