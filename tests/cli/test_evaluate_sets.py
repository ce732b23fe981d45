"""``zoo evaluate`` on several sources, at several levels of noise, into files."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from zoo.errors import WriteError
from zoo.train.metrics import psnr

Cli = Callable[..., Any]


@pytest.fixture
def photos(base: Path, tmp_path: Path) -> Path:
    """As many photographs as the run has, none of which it was trained on."""
    (tmp_path / "photos").mkdir()
    for path in (base / "photos").iterdir():
        with Image.open(path) as image:
            ImageOps.invert(image).save(tmp_path / "photos" / path.name)
    return tmp_path / "photos"


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    torch.save(torch.randint(256, (2, 3, 3, 16, 16), dtype=torch.uint8).unbind(), "pairs.pkl")
    return tmp_path / "pairs.pkl"


def evaluate(cli: Cli, *arguments: str | Path) -> dict[str, Any]:
    result = cli("evaluate", *arguments, "--json")
    assert (result.code, result.err) == (0, "")
    content: dict[str, Any] = json.loads(result.out)
    return content


def test_the_figures_are_those_of_the_run(finished: Any, cli: Cli) -> None:
    """Those that it wrote after training, and those of the epoch that the weights are from."""
    content = evaluate(cli, finished.path)
    written = json.loads((finished.path / "evaluation.json").read_text())
    assert content == {**written, "data": "held out"}
    lines = (finished.path / "metrics.jsonl").read_text().splitlines()
    best = max(json.loads(line)["val_psnr"] for line in lines)
    assert content["psnr"] == pytest.approx(best, rel=1e-9)


def test_each_source_is_evaluated_as_if_alone(
    finished: Any, cli: Cli, photos: Path, pairs: Path
) -> None:
    alone = [evaluate(cli, finished.path, "--data", data) for data in ("photos", "pairs.pkl")]
    several = evaluate(cli, finished.path, "--data", "photos", "--data", "pairs.pkl")
    assert several == {"sources": alone}
    assert list(alone[0]) == list(json.loads((finished.path / "evaluation.json").read_text()))


def test_gaussian_noise_of_other_levels(finished: Any, cli: Cli, photos: Path) -> None:
    found = evaluate(cli, finished.path, "--data", "photos", "--sigma", "10,25")["sources"]
    assert [content["sigma"] for content in found] == [10, 25]
    for content in found:
        expected = psnr((content["sigma"] / 255) ** 2)
        assert content["psnr_noisy"] == pytest.approx(expected, abs=0.2)
    as_trained = evaluate(cli, finished.path, "--data", "photos")  # at 25, too
    assert found[1] == {**as_trained, "sigma": 25}


def test_the_table_of_several(
    finished: Any, cli: Cli, photos: Path, pairs: Path, tmp_path: Path
) -> None:
    shutil.copytree(photos, tmp_path / "a" / "a rather long name of a folder")
    long = "a/a rather long name of a folder"
    result = cli(
        *("evaluate", finished.path, "--data", "photos", "--data", long, "--data", "pairs.pkl")
    )
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()[5:]
    assert max(map(len, lines)) <= 80
    rows = [re.split(r"\s{2,}", line) for line in lines if " dB" in line]
    methods = ["noisy input", "gaussian blur, 0.9 px", "non-local means", "this model"]
    assert [row[1] for row in rows] == 3 * methods
    assert [row[0] for row in rows[:2]] == ["photos", "5 images"]
    contents = evaluate(cli, finished.path, "--data", "photos", "--data", long)["sources"]
    model, noisy = contents[1]["psnr"], contents[1]["psnr_noisy"]
    ssim = f"{contents[1]['ssim']:.3f}"
    assert rows[7][2:] == [f"{model:.2f} dB", f"{model - noisy:+.2f} dB", ssim]


def test_methods_are_chosen(finished: Any, cli: Cli) -> None:
    for methods, names in (
        ("nlm", ["non_local_means"]),
        ("nlm, noisy,blur", ["gaussian_blur", "non_local_means"]),
        ("none", []),
    ):
        content = evaluate(cli, finished.path, "--methods", methods)
        assert list(content["baselines"]) == names
    result = cli("evaluate", finished.path, "--methods", "none", "--sigma", "25,50")
    lines = result.out.splitlines()[5:]
    assert [line.split("  ")[0] for line in lines] == [
        *("held out", "1 image", "sigma 25"),
        *("held out", "1 image", "sigma 50"),
    ]


def test_the_help_names_every_method(cli: Cli) -> None:
    from zoo.train.baselines import BASELINES

    words = cli("evaluate", "--help").out.split()
    assert {baseline.short for baseline in BASELINES.values()} <= set(words)


def test_every_figure_as_csv(finished: Any, cli: Cli, photos: Path, pairs: Path) -> None:
    Image.effect_noise((9, 33), 50).save(photos / "odd, and tiny.png")
    content = evaluate(
        *(cli, finished.path, "--data", "photos", "--data", "pairs.pkl", "--csv", "all.csv")
    )
    with Path("all.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 4 * (6 + 3)
    assert {row["model"] for row in rows} == {str(finished.path)}
    assert [row["method"] for row in rows[:4]] == ["noisy", "blur", "nlm", "model"]
    for source in content["sources"]:
        of_model = [
            row for row in rows if (row["data"], row["method"]) == (source["data"], "model")
        ]
        for row, image in zip(of_model, source["per_image"], strict=True):
            assert row["image"] == image["name"]
            assert float(row["psnr"]) == image["psnr"]
            assert (float(row["ssim"]) if row["ssim"] else None) == image["ssim"]


def test_figures_are_printed_where_the_csv_cannot_be_written(
    finished: Any, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path, text: str) -> None:
        raise WriteError(f"{path}: cannot be written: No space left on device.")

    monkeypatch.setattr("zoo.cli.evaluate.create_text", fail)
    result = cli("evaluate", finished.path, "--methods", "none", "--json", "--csv", "new.csv")
    assert (result.code, result.err) == (
        1,
        "new.csv: cannot be written: No space left on device.\n",
    )
    assert json.loads(result.out)["n_images"] == 1


def test_a_csv_is_not_replaced_without_saying_so(finished: Any, cli: Cli, photos: Path) -> None:
    Path("mine.csv").write_text("mine")
    Path("folder").mkdir()
    for name in ("mine.csv", "folder"):
        result = cli("evaluate", finished.path, "--csv", name)
        assert (result.code, result.out) == (2, "")
        assert result.err == (
            f"--csv {name}: already there. Use another name, or --overwrite for a file.\n"
        )
    assert Path("mine.csv").read_text() == "mine"
    result = cli("evaluate", finished.path, "--csv", "nowhere/new.csv")
    assert result.err == "--csv nowhere/new.csv: there is no folder nowhere. Make it first.\n"
    assert cli("evaluate", finished.path, "--csv", "mine.csv", "--overwrite").code == 0
    assert Path("mine.csv").read_text().startswith("model,data,sigma,image,method,psnr,ssim\n")
    assert not list(Path().glob(".*.tmp"))


def test_images_are_saved(finished: Any, cli: Cli, photos: Path) -> None:
    (photos / "sub").mkdir()
    shutil.copy(photos / "1.png", photos / "sub" / "1.png")
    shutil.copy(photos / "1.png", photos / "SUB_1.bmp.png")
    shutil.copy(photos / "1.png", photos / "sub_1.png")
    shutil.copy(photos / "1.png", os.fsencode(photos) + b"/caf\xe9.png")
    evaluate(cli, finished.path, "--data", "photos", "--save-images", "out", "--csv", "o.csv")
    names = sorted(path.name for path in Path("out").iterdir())
    bases = ["0", "1", "2", "3", "4", "SUB_1.bmp", "caf_", "sub_1", "sub_1-2"]
    kinds = ("clean", "denoised", "noisy")
    assert names == sorted(f"{base}.{kind}.png" for base in bases for kind in kinds)
    with Image.open("out/1.clean.png") as saved, Image.open(photos / "1.png") as original:
        np.testing.assert_array_equal(np.asarray(saved), np.asarray(original))
    with Image.open("out/1.noisy.png") as saved, Image.open("out/1.denoised.png") as denoised:
        assert (saved.mode, saved.size, denoised.size) == ("RGB", (26, 20), (26, 20))
    again = cli("evaluate", finished.path, "--save-images", "out")
    assert (again.code, again.out) == (2, "")
    assert again.err == "--save-images out: already there. Use a new or empty folder.\n"
    assert cli("evaluate", finished.path, "--save-images", "o.csv").err == (
        "--save-images o.csv: not a folder. Use a new or empty folder.\n"
    )


def test_images_of_several_sets_go_to_a_folder_each(
    finished: Any, cli: Cli, photos: Path, pairs: Path
) -> None:
    evaluate(
        *(cli, finished.path, "--data", "photos", "--sigma", "5,10", "--methods", "none"),
        *("--save-images", "out"),
    )
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "photos-sigma10",
        "photos-sigma5",
    ]
    assert len(list(Path("out/photos-sigma5").iterdir())) == 15
    evaluate(cli, finished.path, "--data", "pairs.pkl", "--save-images", "own")
    assert {path.name.split(".")[-2] for path in Path("own").iterdir()} == {
        "noisy",
        "denoised",
        "second",
    }


def test_every_bad_source_is_reported_before_work_begins(
    finished: Any, cli: Cli, photos: Path, tmp_path: Path
) -> None:
    options = [f"--data={name}" for name in ("photos", "none", "empty.pkl")]
    (tmp_path / "empty.pkl").touch()
    result = cli("evaluate", finished.path, *options, "--save-images", "out")
    assert (result.code, result.out) == (4, "")
    first, second = result.err.splitlines()
    assert first == f"{tmp_path / 'none'}: no such folder. Give a folder of images."
    assert second.startswith(f"{tmp_path / 'empty.pkl'}: ")
    assert not Path("out").exists()


def test_noise_that_does_not_fit(finished: Any, cli: Cli, photos: Path, pairs: Path) -> None:
    result = cli(
        *("evaluate", finished.path, "--data", "photos", "--data", "pairs.pkl", "--sigma", "5")
    )
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        "pairs.pkl: these are pairs, which have their own noise. Leave --sigma out.\n"
    )
    content = torch.load(finished.path / "best.pkl", weights_only=True)
    architecture = content["architecture"]
    start = architecture.index("[data.noise]")
    end = architecture.index("\n[", architecture.index("[data.evaluation_noise]"))
    content["architecture"] = architecture[:start] + architecture[end + 1 :]
    torch.save(content, "no_noise.pkl")
    result = cli("evaluate", "no_noise.pkl", "--data", "photos")
    assert result.err == (
        "photos: these are clean images, and tiny names no noise to add to them. "
        "Choose gaussian noise, such as --sigma 25.\n"
    )
    assert cli("evaluate", "no_noise.pkl", "--data", "photos", "--sigma", "25").code == 0


@pytest.mark.parametrize("text", ["", "a", "-1", "15,", "inf", "nan"])
def test_a_sigma_that_is_none(finished: Any, cli: Cli, text: str) -> None:
    result = cli("evaluate", finished.path, f"--sigma={text}")
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        f"zoo evaluate: Invalid value for '--sigma': is {text}. "
        "Use numbers >= 0, as in 15,25,50. See zoo evaluate --help.\n"
    )


def test_a_method_that_is_none(finished: Any, cli: Cli) -> None:
    result = cli("evaluate", finished.path, "--methods", "blur,bm4d")
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        "--methods blur,bm4d: there is no 'bm4d'. "
        "Use blur, nlm with commas between them, or none.\n"
    )
