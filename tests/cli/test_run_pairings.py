"""Runs on one noisy picture of each scene, on bursts, frames, stacks and counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from tests.cli.conftest import Result

Cli = Callable[..., Result]
PAIRINGS = {
    "neighbors": '{type="neighbors", weight=2}',
    "blind_spot": '{type="blind_spot", fraction=0.05, size=5}',
    "median": '{type="blind_spot", fraction=0.05, size=5, replace="median"}',
    "stride": '{type="neighbors", weight=1, stride=2}',
}


def scene(draws: np.random.Generator, size: tuple[int, int] = (80, 90)) -> np.ndarray:
    coarse = Image.fromarray(draws.integers(40, 200, size=(5, 6, 3), dtype=np.uint8))
    return np.asarray(coarse.resize(size[::-1], Image.Resampling.BICUBIC)).astype(float)


def noisy(clean: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    return (clean + draws.normal(0, 20, clean.shape)).clip(0, 255).round().astype(np.uint8)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders: ``single`` noisy pictures, ``bursts``, and a film's frames as ``film.tif``."""
    folder, draws = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    (folder / "single").mkdir()
    for index in range(4):
        clean = scene(draws)
        Image.fromarray(noisy(clean, draws)).save(folder / "single" / f"{index}.png")
        (folder / "bursts" / str(index)).mkdir(parents=True)
        for shot in range(2 + index % 2):
            image = Image.fromarray(noisy(clean, draws))
            image.save(folder / "bursts" / str(index) / f"{shot}.png")
    film = np.stack([noisy(clean, draws) for _ in range(5)])
    tifffile.imwrite(folder / "film.tif", film, photometric="rgb")
    return folder


def train(cli: Cli, base: Path, source: str, target: str = "", *more: str, out: str = "run") -> Any:
    options = ("--set", f"data.target={target}", "--set", 'data.noise="none"') if target else ()
    return cli("run", base / "tiny.toml", "--data", source, "--out", out, *options, *more)


def metrics(run: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (Path(run) / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("target", PAIRINGS)
def test_single_noisy_pictures(target: str, cli: Cli, base: Path, data: Path) -> None:
    name = PAIRINGS[target].split('"')[1]
    result = train(cli, base, str(data / "single"), PAIRINGS[target])
    assert (result.code, result.err) == (
        0,
        "warning: there are no clean images to validate on: the validation loss is that of "
        f"{name} on the images held out, and the latest weights count\n",
    )
    assert "best" not in result.out
    assert f"1 image, compared with noisy pixels, by {name}" in result.out
    assert not Path("run/best.pkl").exists()
    assert [line["val_psnr"] for line in metrics("run")] == [None, None]
    evaluation = json.loads(Path("run/evaluation.json").read_text())
    assert (evaluation["compared_with"], evaluation["weights"]) == (name, "last")
    again = cli("evaluate", "run", "--json")
    assert json.loads(again.out)["psnr"] == evaluation["psnr"]
    picture = str(data / "single" / "0.png")
    assert cli("denoise", "run", picture, "-o", "out.png").code == 0


@pytest.mark.parametrize("target", ["neighbors", "blind_spot"])
def test_a_resumed_run_is_the_same_bit_for_bit(
    target: str, cli: Cli, base: Path, data: Path
) -> None:
    source = str(data / "single")
    # The schedule and the correction follow the length of the run, which stays the same.
    constant = ("--set", 'train.schedule="constant"', "--set", "data.samples_per_epoch=12")
    train(cli, base, source, PAIRINGS[target], *constant, out="whole")
    stopped = base / "probed.toml"
    options = ("--set", f"data.target={PAIRINGS[target]}", "--set", 'data.noise="none"', *constant)
    first = cli("run", stopped, "--data", source, "--out", "parts", "--epochs", "1", *options)
    assert first.code == 0
    rest = cli("run", stopped, "--data", source, "--out", "parts", "--resume", *options)
    assert rest.code == 0
    whole, parts = (
        torch.load(f"{run}/last.pkl", weights_only=True)["model"] for run in ("whole", "parts")
    )
    if target == "blind_spot":
        torch.testing.assert_close(whole, parts, rtol=0, atol=0)
    else:  # whose correction grows with the part of the run that is done
        assert whole.keys() == parts.keys()


def test_bursts(cli: Cli, base: Path, data: Path) -> None:
    result = train(cli, base, f"burst:{data / 'bursts'}")
    assert result.code == 0
    assert "data.noise is not used" in result.err
    assert "the mean of the other shots of each burst" in result.err
    assert "compared with other noisy views" in result.out
    assert "Against clean images this model would have" in " ".join(result.out.split())
    assert "3 images, 10 crops an epoch, 1 image to validate on" in result.out
    again = train(cli, base, f"burst:{data / 'bursts'}", "", "--epochs", "3", "--resume")
    assert again.code == 0
    refused = cli("run", base / "tiny.toml", "--data", f"burst:{data / 'single'}")
    assert refused.code == 4
    assert "A burst has a folder for each scene, with its shots." in refused.err


def test_frames_of_a_stack(cli: Cli, base: Path, data: Path) -> None:
    result = train(cli, base, f"frames:{data / 'film.tif'}")
    assert result.code == 0
    assert "3 images, 10 crops an epoch, 1 image to validate on (film.tif[3])" in result.out
    assert "of one file or scene: the last 1 (film.tif[3]) are held out" in result.err


def test_a_stack_of_single_pictures_and_one_picture(cli: Cli, base: Path, data: Path) -> None:
    result = train(cli, base, str(data / "film.tif"), PAIRINGS["neighbors"])
    assert result.code == 0
    assert "4 images, 10 crops an epoch, 1 image to validate on (film.tif[4])" in result.out
    picture = data / "single" / "0.png"
    slopes = "--allow-correlated"  # which one small picture does not tell from noise
    result = train(cli, base, str(picture), PAIRINGS["neighbors"], slopes, out="one")
    assert result.code == 0
    assert "1 image to validate on (0.png (rows 48 to 79))" in result.out
    resumed = train(cli, base, str(picture), PAIRINGS["neighbors"], "--resume", out="one")
    assert (resumed.code, "resumed after step" in resumed.out) == (0, True)


def test_pictures_that_come_to_a_single_one_are_not_used(
    cli: Cli, base: Path, data: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in "12":
        (folder / f"{number}.png").write_bytes((data / "single" / f"{number}.png").read_bytes())
        result = train(
            cli,
            base,
            str(folder),
            PAIRINGS["neighbors"],
            *("--allow-correlated", "--epochs", number),
            *(["--resume"] if number == "2" else []),
        )
        assert result.code == 0
    assert "resumed after step 3" in result.out
    assert "1 image, 10 crops an epoch, 1 image to validate on (1.png (rows" in result.out


def test_noisy_pictures_taken_for_clean_ones(cli: Cli, base: Path, tmp_path: Path) -> None:
    folder, draws = tmp_path / "own", np.random.default_rng(3)
    folder.mkdir()
    for index in range(4):
        pixels = noisy(np.full((120, 130, 3), 110.0), draws)
        Image.fromarray(pixels).save(folder / f"{index}.png")
    said = "data: the pictures have noise of their own, of sigma "
    result = train(cli, base, str(folder))
    assert (result.code, f"warning: {said}" in result.err) == (0, True)
    assert 'say data.noise = "none" and data.target = "neighbors"' in result.err
    refused = train(cli, base, str(folder), "", "--strict-data", out="strict")
    assert (refused.code, said in refused.err) == (4, True)


def test_the_same_shot_twice_is_refused(cli: Cli, base: Path, data: Path, tmp_path: Path) -> None:
    for scene in "ab":
        shots = tmp_path / "twice" / scene
        shots.mkdir(parents=True)
        for index, shot in enumerate("010"):
            source = data / "bursts" / "01"["ab".index(scene)] / f"{shot}.png"
            (shots / f"{index}.png").write_bytes(source.read_bytes())
    refused = train(cli, base, f"burst:{tmp_path / 'twice'}")
    assert refused.code == 4
    assert "2 of 2 pairs have the same picture twice (a, b)" in refused.err


def test_no_range_is_measured_of_files_of_different_types(
    cli: Cli, base: Path, data: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    pixels = np.asarray(Image.open(data / "single" / "0.png"))
    Image.fromarray(pixels).save(folder / "0.png")
    tifffile.imwrite(folder / "1.tif", pixels / np.float32(255), photometric="rgb")
    auto = ("--set", 'data.range="auto"')
    refused = train(cli, base, str(folder), PAIRINGS["neighbors"], *auto)
    assert refused.code == 4
    assert f"the values of 1.tif go up to {pixels.max() / 255:g}, those of 0.png to" in refused.err


def test_one_pixel_has_no_neighbours(cli: Cli, base: Path, data: Path) -> None:
    sizes = ("--set", "input.height=1", "--set", "input.width=1", "--allow-correlated")
    layers = "layers=[{type='conv2d', out_channels=3, kernel_size=1}]"
    refused = train(
        cli, base, str(data / "single"), PAIRINGS["blind_spot"], *sizes, "--set", layers
    )
    assert (refused.code, refused.err.splitlines()[-1]) == (
        4,
        "blind_spot: a crop of one pixel has no others. Use larger crops.",
    )


def test_clean_images_to_validate_on(cli: Cli, base: Path, data: Path) -> None:
    photos = f'data.validation="{base / "photos"}"'
    result = train(
        cli,
        base,
        str(data / "single"),
        PAIRINGS["neighbors"],
        "--set",
        photos,
        *("--set", 'data.evaluation_noise={type="gaussian", sigma=25}'),
    )
    assert result.code == 0
    assert "there are no clean images" not in result.err
    assert json.loads(Path("run/evaluation.json").read_text())["compared_with"] == "clean"


def test_simulated_noise_with_a_single_view_is_measured_against_clean_images(
    cli: Cli, base: Path
) -> None:
    target = f"data.target={PAIRINGS['neighbors']}"
    small = ("--set", "input.height=8", "--set", "input.width=8")
    result = cli("run", base / "tiny.toml", "--out", "run", "--set", target, *small)
    assert (result.code, result.err) == (0, "")
    assert json.loads(Path("run/evaluation.json").read_text())["compared_with"] == "clean"
    assert all(line["val_psnr"] is not None for line in metrics("run"))


def test_two_views_of_a_single_picture_are_refused(cli: Cli, base: Path, data: Path) -> None:
    result = train(cli, base, str(data / "single"), '"noisy"')
    assert (result.code, result.err) == (
        4,
        "data: target is 'noisy', but there is one picture of each scene, and it is noisy. "
        "Set target to 'neighbors' or 'blind_spot'.\n",
    )


def test_a_measured_range_is_kept(cli: Cli, base: Path, data: Path, tmp_path: Path) -> None:
    """Counts of a camera: trained, resumed, denoised and written back as counts."""
    folder, draws = tmp_path / "counts", np.random.default_rng(1)
    folder.mkdir()
    for index in range(3):
        counts = 200 + scene(draws) / 255 * 3000 + draws.normal(0, 100, (80, 90, 3))
        tifffile.imwrite(folder / f"{index}.tif", counts.astype(np.float32), photometric="rgb")
    auto = ("--set", 'data.range="auto"')
    noise = ("--allow-correlated",)  # three small pictures do not tell it from their slopes
    result = train(cli, base, str(folder), PAIRINGS["neighbors"], *auto, *noise)
    assert result.code == 0
    assert "brightest" not in result.err
    text = Path("run/architecture.toml").read_text()
    low, high = map(float, text.split("range = [")[1].split("]")[0].strip(" \n,").split(","))
    assert 300 < low < 900
    assert 2300 < high < 3000
    resumed = train(cli, base, str(folder), PAIRINGS["neighbors"], *auto, "--resume")
    assert (resumed.code, "resumed after step" in resumed.out) == (0, True)
    assert Path("run/architecture.toml").read_text() == text
    result = cli("denoise", "run", folder / "0.tif", "-o", "half.tif", "--strength", "0.5")
    assert (result.code, "white" in result.err) == (0, False)
    before, after = tifffile.imread(folder / "0.tif"), tifffile.imread("half.tif")
    assert abs(after.mean() - before.mean()) < 0.3 * (high - low)
    assert after.max() > 1000
    flat = tmp_path / "flat"
    flat.mkdir()
    Image.new("RGB", (80, 80), "red").save(flat / "a.png")
    Image.new("L", (80, 80), 7).save(flat / "b.png")
    Image.new("L", (80, 80), 7).save(flat / "c.png")
    constant = tmp_path / "constant"
    constant.mkdir()
    for name in ("a", "b"):
        Image.new("L", (80, 80), 7).save(constant / f"{name}.png")
    refused = train(cli, base, str(constant), PAIRINGS["neighbors"], *auto, out="new")
    assert (refused.code, refused.err) == (
        4,
        f"folder {constant}: nearly all values are 7, so that data.range cannot be 'auto'. "
        "Give the values of black and white, such as [0, 4095].\n",
    )


def test_noise_that_neighbours_share_is_refused(cli: Cli, base: Path, tmp_path: Path) -> None:
    folder, draws = tmp_path / "soft", np.random.default_rng(2)
    folder.mkdir()
    for index in range(4):
        noise = draws.normal(0, 60, (120, 130, 3))
        noise = (noise + np.roll(noise, 1, 0) + np.roll(noise, 1, 1)) / 3  # as demosaicking does
        pixels = (100 + noise).clip(0, 255).round().astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
    refused = train(cli, base, str(folder), PAIRINGS["neighbors"])
    assert refused.code == 4
    assert refused.err.startswith("data: neighbouring pixels share their noise (across +0.")
    assert 'Set data.target to {type = "neighbors", stride = 2}' in refused.err
    assert not Path("run").exists()
    strided = train(cli, base, str(folder), PAIRINGS["stride"], out="strided")
    assert strided.code == 0
    allowed = train(cli, base, str(folder), PAIRINGS["blind_spot"], "--allow-correlated")
    assert allowed.code == 0
    assert "warning: data: correlation: across +0." in allowed.err
    strict = train(cli, base, str(folder), PAIRINGS["stride"], "--strict-data", out="strict")
    assert strict.code == 4
    assert strict.err.startswith("data: correlation: across +0.")
