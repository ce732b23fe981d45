"""``zoo evaluate`` says what it measures on, and doubts images that are taken for others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.cli.conftest import Result

Cli = Callable[..., Result]
ALONE = ("--set", 'data.noise="none"', "--set", 'data.target="neighbors"', "--epochs", "1")
SEEN = (
    "warning: {}: the model was trained on 3 of these 4 images ({}): figures on them are too good\n"
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders ``noisy``, ``again`` and ``clean`` of four scenes, and ``pairs.pkl`` of others."""
    folder, draws = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    for name in ("noisy", "again", "clean"):
        (folder / name).mkdir()
    pairs = []
    for index in range(8):
        coarse = Image.fromarray(draws.integers(40, 200, size=(5, 6, 3), dtype=np.uint8))
        clean = np.asarray(coarse.resize((90, 80), Image.Resampling.BICUBIC))
        views = {
            name: (clean + draws.normal(0, 20, clean.shape)).clip(0, 255).round().astype(np.uint8)
            for name in ("noisy", "again")
        }
        if index < 4:
            for name, view in {**views, "clean": clean}.items():
                Image.fromarray(view).save(folder / name / f"{index}.png")
        else:
            pairs.append((views["noisy"], clean))
    sides = (np.stack(side).transpose(0, 3, 1, 2).copy() for side in zip(*pairs, strict=True))
    torch.save(tuple(map(torch.tensor, sides)), folder / "pairs.pkl")
    return folder


@pytest.fixture
def here(data: Path, cli: Cli, base: Path) -> Cli:
    """``zoo evaluate run`` of a run on single noisy pictures, beside the data."""
    shutil.copytree(data, ".", dirs_exist_ok=True)
    options = ("--data", str(data / "noisy"), *ALONE)
    assert cli("run", base / "tiny.toml", *options, "--out", "run").code == 0
    return lambda *options: cli("evaluate", "run", "--methods", "none", *options)


def said(result: Result) -> tuple[str, str]:
    """What is said of the data, and the warnings."""
    assert result.code == 0
    (line,) = (line for line in result.out.splitlines() if line.startswith("data: "))
    return line.removeprefix("data: "), result.err


def test_a_run_on_noisy_pictures(here: Cli) -> None:
    assert said(here()) == (
        "held out, 1 image (2.png); no noise is added; outputs are compared with the images' own "
        "noisy pixels, by neighbors",
        "",
    )
    assert said(here("--sigma", "25")) == (
        "held out, 1 image (2.png); noise gaussian, sigma 25 is added; outputs are compared with "
        "the images before that, which are noisy",
        "warning: held out: the run has taken these images for noisy ones: now they get noise "
        "twice, and outputs are compared with noisy images. Leave --sigma out, or name clean "
        "images with --data\n",
    )


def test_pictures_that_are_taken_for_others(here: Cli) -> None:
    names = "4 images (0.png, 1.png, 2.png and 1 more)"
    assert said(here("--data", "clean")) == (
        f"clean, {names}; no noise is added; outputs are compared with the images' own noisy "
        "pixels, by neighbors",
        "warning: clean: the images look clean (sigma 0.2), and are taken for noisy ones, as the "
        'model\'s data.noise is "none". To add noise to clean ones: --sigma 25\n',
    )
    assert said(here("--data", "clean", "--sigma", "25")) == (
        f"clean, {names}; noise gaussian, sigma 25 is added; outputs are compared with the images "
        "before that",
        "",
    )
    result = here("--data", "noisy", "--sigma", "25")
    assert result.err.startswith(SEEN.format("noisy", "0.png, 1.png, 3.png"))
    assert "warning: noisy: the images have noise of their own, of sigma 19.9: " in result.err
    assert result.err.endswith(
        ": noise is added to that, and outputs are compared with noisy images. Name clean images, "
        "or pairs\n"
    )


def test_pairs_whose_second_pictures_are_clean(here: Cli, cli: Cli) -> None:
    line, warning = said(here("--data", "pairs.pkl"))
    assert line == (
        "pairs.pkl, 4 pairs (pairs.pkl[0], pairs.pkl[1], pairs.pkl[2] and 1 more); no noise is "
        "added; outputs are compared with other views, which are taken for noisy ones"
    )
    assert warning.startswith("warning: pairs.pkl: the second images look clean (sigma 0.")
    say, _, table = warning.rstrip("\n").partition(" --data ")
    assert say.endswith("taken for noisy ones. If they are clean, name them so:")
    assert table == """'{ type = "pkl", path = "pairs.pkl", second_is_clean = true }'"""
    line, warning = said(here("--data", table.strip("'")))
    assert line.endswith("outputs are compared with the second images, which are clean")
    assert warning == ""


def test_a_run_on_such_pairs(cli: Cli, base: Path, data: Path) -> None:
    options = ("--data", str(data / "pairs.pkl"), "--epochs", "1", "--out", "run")
    result = cli("run", base / "tiny.toml", *options)
    assert result.code == 0
    assert result.err.startswith("warning: data: second views: sigma 0.")
    assert result.err.endswith(
        " of the first. the second pictures look clean. If they are, say second_is_clean = true, "
        'and target = "clean"\n'
        "warning: the images are noisy already: data.noise is not used\n"
        "warning: there are no clean images to validate on: PSNR and SSIM compare with the second "
        "image of each pair, and where that is noisy they are lower than against a clean one\n"
    )


def test_views_that_were_trained_on(here: Cli) -> None:
    """Also as a side of pairs, and a picture of which a part was trained on."""
    pairs = '{ type = "pairs", first = "noisy", second = "clean", second_is_clean = true }'
    _, warning = said(here("--data", pairs))
    assert warning == SEEN.format(pairs, "0, 1, 3")
    _, warning = said(here("--data", "again,noisy"))
    assert warning == SEEN.format("again,noisy", "0, 1, 3")


def test_a_picture_of_which_a_part_was_trained_on(data: Path, cli: Cli, base: Path) -> None:
    picture = str(data / "noisy" / "0.png")
    options = ("--data", picture, *ALONE, "--allow-correlated", "--out", "run")
    assert cli("run", base / "tiny.toml", *options).code == 0
    result = cli("evaluate", "run", "--methods", "none", "--data", str(data / "noisy"))
    assert result.err == (
        f"warning: {data / 'noisy'}: the model was trained on 1 of these 4 images (0.png): figures "
        "on them are too good\n"
    )


def test_the_noise_in_json(here: Cli) -> None:
    contents: Any = json.loads(here("--data", "clean", "--sigma", "15", "--json").out)
    assert contents["noise"] == {"type": "gaussian", "sigma": 15}
    assert json.loads(here("--json").out)["noise"] is None
    assert json.loads(Path("run/evaluation.json").read_text())["noise"] is None
