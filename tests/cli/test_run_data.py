"""The images of a run: what is recorded, and what becomes of folders that change afterwards."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from tests.tiny import contents
from zoo.train.checkpoint import load_checkpoint, save_checkpoint

Cli = Callable[..., Any]
EVALUATE = ("--methods", "none", "--json")


@pytest.fixture
def photos(base: Path, tmp_path: Path, cli: Cli) -> Path:
    """A folder that a run of one epoch, ``run``, began with."""
    shutil.copytree(base / "photos", tmp_path / "photos")
    result = cli("run", base / "tiny.toml", "--data", "photos", "--epochs", "1", "--out", "run")
    assert (result.code, result.err) == (0, "")
    return tmp_path / "photos"


@pytest.fixture
def resume(base: Path, cli: Cli) -> Callable[..., Any]:
    """Go on with the run for an epoch."""

    def go_on(data: str = "photos", *arguments: str) -> Any:
        options = ("--data", data, "--epochs", "2", "--out", "run", "--resume", *arguments)
        return cli("run", base / "tiny.toml", *options)

    return go_on


def held_out(run: Path) -> str:
    (image,) = json.loads((run / "data.json").read_text())["held_out"]
    return str(image["name"])


def test_the_images_are_recorded(photos: Path) -> None:
    run = photos.parent / "run"
    record = json.loads((run / "data.json").read_text())
    assert record == load_checkpoint(run / "last.pkl")["data"]
    assert record == load_checkpoint(run / "best.pkl")["data"]
    names = [image["name"] for image in record["train"]]
    assert sorted([*names, held_out(run)]) == [f"{number}.png" for number in range(5)]
    assert {image["size"] for image in record["train"]} == {"3x20x26"}


def test_new_images_change_nothing(
    photos: Path, resume: Callable[..., Any], cli: Cli, base: Path
) -> None:
    shutil.copytree("run", "expected")
    options = ("--data", "photos", "--epochs", "2", "--out", "expected", "--resume")
    assert cli("run", base / "tiny.toml", *options).err == ""
    figures = json.loads(cli("evaluate", "expected", *EVALUATE).out)
    name = held_out(photos.parent / "run")
    shutil.copy(photos / name, photos / "a copy.png")  # which would be drawn at random
    Image.effect_noise((40, 40), 100).save(photos / "0 new.png")
    said = (
        "warning: data: 2 new images, not used by a run that began without "
        "(0 new.png, a copy.png)\n"
    )
    resumed = resume()
    assert (resumed.code, resumed.err) == (0, said)
    one, other = (load_checkpoint(Path(run) / "last.pkl") for run in ("run", "expected"))
    assert one["data"] == other["data"]
    torch.testing.assert_close(one["model"], other["model"], rtol=0, atol=0)
    evaluated = cli("evaluate", "run", *EVALUATE)
    assert (evaluated.code, evaluated.err) == (0, said)
    assert json.loads(evaluated.out)["per_image"] == figures["per_image"]


def test_images_that_moved(photos: Path, resume: Callable[..., Any], cli: Cli) -> None:
    moved = photos.rename(photos.with_name("elsewhere"))
    name = held_out(moved.parent / "run")
    (moved / name).rename(moved / "z.png")
    renamed = f"warning: data: other names, the same images: {name} is now z.png\n"
    resumed = resume("elsewhere")
    assert (resumed.code, resumed.err) == (
        0,
        f"{renamed}"
        "warning: data: the run goes on with the same images, which are in another place now\n",
    )
    assert held_out(moved.parent / "run") == "z.png"
    evaluated = cli("evaluate", "run", *EVALUATE)
    assert evaluated.code == 0
    assert [image["name"] for image in json.loads(evaluated.out)["per_image"]] == ["z.png"]


def test_images_that_changed_or_are_gone(
    photos: Path, resume: Callable[..., Any], cli: Cli
) -> None:
    run = photos.parent / "run"
    name = held_out(run)
    first, second, *_ = (
        image["name"] for image in load_checkpoint(run / "last.pkl")["data"]["train"]
    )
    before = contents(run)
    Image.new("RGB", (26, 20), "red").save(photos / first)
    kept = (photos / second).rename(photos.parent / second)
    trained = f"1 changed ({first}), 1 gone ({second})"
    refused = resume()
    assert (refused.code, refused.out, refused.err) == (
        4,
        "",
        f"run/last.pkl: of the 4 images that were trained on, {trained} in folder {photos}. "
        "If they are in another place now, name it with --data. Otherwise bring them back, or "
        "start a new run from these weights with --weights run.\n",
    )
    assert contents(run) == before
    evaluated = cli("evaluate", "run", *EVALUATE)
    assert (evaluated.code, evaluated.err) == (
        0,
        f"warning: data: images that were trained on are not as they were: {trained}\n",
    )
    kept.rename(photos / name)
    refused = cli("evaluate", "run")
    assert (refused.code, refused.err) == (
        4,
        f"run/best.pkl: of the 1 images that were held out, 1 changed ({name}) in folder {photos}. "
        "Bring them back, or name images with --data.\n",
    )


def test_a_folder_that_is_gone(photos: Path, resume: Callable[..., Any], cli: Cli) -> None:
    photos.rename(photos.with_name("elsewhere"))
    for result in (resume(), cli("evaluate", "run", *EVALUATE)):
        assert (result.code, result.err) == (
            4,
            f"{photos}: no such folder. Give a folder of images. "
            "If the run's images have moved, go on with zoo run --data NEW --resume.\n",
        )
    assert resume("elsewhere").code == 0


def test_other_images_that_were_trained_on(photos: Path, cli: Cli) -> None:
    name = held_out(photos.parent / "run")
    result = cli("evaluate", "run", "--data", "photos", *EVALUATE)
    trained = [f"{number}.png" for number in range(5) if f"{number}.png" != name]
    assert (result.code, result.err) == (
        0,
        "warning: photos: the model was trained on 4 of these 5 images "
        f"({', '.join(trained[:3])} and 1 more): figures on them are too good\n",
    )


def test_a_checkpoint_without_a_record(photos: Path, resume: Callable[..., Any], cli: Cli) -> None:
    run = photos.parent / "run"
    name = held_out(run)
    for path in (run / "last.pkl", run / "best.pkl"):
        content = load_checkpoint(path)
        save_checkpoint(
            path, {key: content[key] for key in content if key not in ("data", "format")}
        )
    said = (
        "does not say which images it was trained on: figures are right only if what it was "
        "trained with is there, file by file, and nothing else\n"
    )
    evaluated = cli("evaluate", "run", *EVALUATE)
    assert (evaluated.code, evaluated.err) == (0, f"warning: run/best.pkl: {said}")
    assert [image["name"] for image in json.loads(evaluated.out)["per_image"]] == [name]
    moved = shutil.copytree(photos, photos.with_name("elsewhere"))
    refused = resume(str(moved))
    assert refused.code == 5
    assert "another architecture: data.source.path was" in refused.err
    resumed = resume()
    assert (resumed.code, resumed.err) == (0, f"warning: run/last.pkl: {said}")
    assert held_out(run) == name
    assert "data" in load_checkpoint(run / "last.pkl")


def test_weights_of_a_run_on_the_same_images(photos: Path, cli: Cli, base: Path) -> None:
    Image.effect_noise((40, 40), 100).save(photos / "0 new.png")
    name = held_out(photos.parent / "run")
    options = ("--data", "photos", "--epochs", "1", "--weights", "run")
    result = cli("run", base / "tiny.toml", *options, "--seed", "7", "--out", "tuned")
    assert (result.code, result.err) == (0, "")
    assert held_out(photos.parent / "tuned") == name
    (photos / name).unlink()
    (photos / "0 new.png").unlink()
    result = cli("run", base / "tiny.toml", *options, "--out", "again")
    (seen,) = (
        image["name"] for image in load_checkpoint(Path("again/last.pkl"))["data"]["held_out"]
    )
    assert (result.code, result.err) == (
        0,
        "warning: data: the weights that this run starts from were trained on 1 of the 1 held-out "
        f"images ({seen}): figures on these are too good\n",
    )


def test_a_second_run_does_not_read_the_first(photos: Path, cli: Cli, base: Path) -> None:
    shutil.copytree(photos / ".." / "run", photos / "runs" / "one")
    result = cli(*("run", base / "tiny.toml", "--data", "photos", "--epochs", "1", "--out", "two"))
    assert (result.code, result.err) == (
        0,
        f"warning: {photos}: 5 picture files; left out: 1 of zoo's runs (runs/one)\n",
    )
    record = json.loads(Path("two/data.json").read_text())
    assert record == json.loads(Path("run/data.json").read_text())


def test_a_damaged_best_checkpoint_stops_no_run_that_stays(
    photos: Path, resume: Callable[..., Any]
) -> None:
    """It is read only where the images are in another place, which it then says too."""
    best = photos.parent / "run" / "best.pkl"
    content = load_checkpoint(best)
    best.write_bytes(b"damaged")
    assert resume().code == 0
    photos.rename(photos.with_name("elsewhere"))
    save_checkpoint(best, {key: content[key] for key in content if key != "format"})
    assert resume("elsewhere").code == 0
    assert "elsewhere" in load_checkpoint(best)["architecture"]
