from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from zoo.architecture import Architecture
from zoo.data.evaluation import EvaluationImage
from zoo.errors import Stopped
from zoo.train.kept_images import ExampleImages, Shown, ranked, write_images
from zoo.train.metrics import psnr, squared_error
from zoo.train.scores import Evaluation, Measure, Score
from zoo.train.trainer import Trainer


def noisy_image(
    seed: int, size: tuple[int, ...] = (3, 40, 50), compared_with: str = "clean"
) -> tuple[EvaluationImage, Tensor]:
    """An image, and an output from which a part of its noise is removed."""
    draws = torch.Generator().manual_seed(seed)
    reference = torch.full(size, 0.5)
    noise = 0.1 * torch.randn(size, generator=draws)
    image = EvaluationImage(f"{seed}.png", reference + noise, reference, None, compared_with)
    return image, reference + noise / 4


def content(folder: Path) -> dict[str, object]:
    read: dict[str, object] = json.loads((folder / "images.json").read_text())
    return read


def test_what_is_kept_of_an_image(tmp_path: Path) -> None:
    image, output = noisy_image(0)
    write_images(tmp_path / "images", [Shown("worst", image, output)], 3, "best")
    read = json.loads((tmp_path / "images" / "images.json").read_text())
    assert {key: read[key] for key in ("version", "epoch", "weights")} == {
        "version": 1,
        "epoch": 3,
        "weights": "best",
    }
    (entry,) = read["images"]
    removed = entry.pop("removed")
    assert entry == {
        "name": "0.png",
        "role": "worst",
        "compared_with": "clean",
        "height": 40,
        "width": 50,
        "channels": 3,
        "region": [0, 0, 40, 50],
        "psnr": pytest.approx(psnr(squared_error(output, image.reference))),
        "psnr_noisy": pytest.approx(psnr(squared_error(image.noisy, image.reference))),
        "files": {
            "noisy": "worst.noisy.png",
            "denoised": "worst.denoised.png",
            "reference": "worst.reference.png",
        },
    }
    assert removed["sigma"] == pytest.approx(255 * 0.075, rel=0.05)
    assert removed["histogram"]["high"] == pytest.approx(4 * removed["sigma"] / 255)
    assert sum(removed["histogram"]["counts"]) == 3 * 40 * 50
    assert max(range(61), key=removed["histogram"]["counts"].__getitem__) in range(25, 36)
    lags = torch.tensor(removed["autocorrelation"])
    assert lags.shape == (9, 9)
    assert lags[4, 4] == 1
    assert lags.flip(0, 1).equal(lags)
    lags[4, 4] = 0
    assert lags.abs().max() < 0.1  # it is white noise
    for kind, shown in (("noisy", image.noisy), ("denoised", output)):
        with Image.open(tmp_path / "images" / f"worst.{kind}.png") as picture:
            assert (picture.size, picture.mode) == ((50, 40), "RGB")
            assert picture.getpixel((7, 5)) == tuple(
                (shown[:, 5, 7].clamp(0, 1) * 255).round().int().tolist()
            )


def test_the_autocorrelation_is_that_of_shifted_pixels(tmp_path: Path) -> None:
    """Of what moves along with the next pixel across, and only across."""
    noise = torch.randn(1, 64, 65, generator=torch.Generator().manual_seed(0))
    removed = noise[:, :, 1:] + noise[:, :, :-1]  # half alike at the next pixel across
    image = EvaluationImage("a", removed, torch.zeros(1, 64, 64))
    write_images(tmp_path, [Shown("best", image, torch.zeros(1, 64, 64))], 1, "last")
    lags = json.loads((tmp_path / "images.json").read_text())["images"][0]["removed"][
        "autocorrelation"
    ]
    assert lags[4][3] == lags[4][5] == pytest.approx(0.5, abs=0.05)
    assert lags[5][4] == pytest.approx(0, abs=0.05)
    assert lags[4][6] == pytest.approx(0, abs=0.05)


def test_nothing_removed_and_tiny_images(tmp_path: Path) -> None:
    image = EvaluationImage("a", torch.ones(2, 3, 2), torch.ones(2, 3, 2), None, "neighbors")
    write_images(tmp_path, [Shown("example", image, torch.ones(2, 3, 2))], 1, "last")
    (entry,) = json.loads((tmp_path / "images.json").read_text())["images"]
    assert (entry["psnr"], entry["psnr_noisy"], entry["channels"]) == (None, None, 2)
    assert entry["removed"]["sigma"] == 0
    assert entry["removed"]["autocorrelation"] == [[None] * 9] * 9
    with Image.open(tmp_path / "example-1.noisy.png") as picture:
        assert picture.mode == "L"  # the first of two channels


def test_of_a_large_image_the_centre_is_shown(tmp_path: Path) -> None:
    noisy = torch.zeros(1, 1100, 30)
    noisy[0, 38] = 1
    image = EvaluationImage("a", noisy, torch.zeros(1, 1100, 30))
    write_images(tmp_path, [Shown("best", image, torch.zeros(1, 1100, 30))], 1, "last")
    (entry,) = json.loads((tmp_path / "images.json").read_text())["images"]
    assert (entry["height"], entry["region"]) == (1100, [38, 0, 1024, 30])
    with Image.open(tmp_path / "best.noisy.png") as picture:
        assert picture.size == (30, 1024)
        assert picture.getpixel((0, 0)) == 255


def test_what_is_not_shown_any_more_is_removed_and_nothing_else(tmp_path: Path) -> None:
    items = [Shown("example", *noisy_image(seed)) for seed in range(2)]
    write_images(tmp_path, items, 1, "last")
    (tmp_path / "mine.noisy.png").touch()
    (tmp_path / "example-7.noisy.png").touch()
    write_images(tmp_path, [Shown("best", *noisy_image(0))], 2, "best")
    kinds = ("denoised", "noisy", "reference")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *(f"best.{kind}.png" for kind in kinds),
        *("example-7.noisy.png", "images.json", "mine.noisy.png"),
    ]


@pytest.mark.parametrize(
    ("mses", "expected"),
    [
        ([0.1], [("best", 0)]),
        ([0.1, 0.2], [("worst", 1), ("best", 0)]),
        ([0.1, 0.3, 0.2], [("worst", 1), ("median", 2), ("best", 0)]),
        ([0.1, 0.1, 0.1], [("worst", 0), ("median", 1), ("best", 2)]),
        ([0.4, 0.1, 0.3, 0.2], [("worst", 0), ("median", 3), ("best", 1)]),
    ],
)
def test_which_images_are_kept(mses: list[float], expected: list[tuple[str, int]]) -> None:
    score = Score(tuple(Measure(mse, None, 1) for mse in mses))
    names = tuple(map(str, range(len(mses))))
    shots = (0,) * len(mses)
    assert ranked(Evaluation(names, score, score, {}, "clean", shots)) == expected
    without_psnr = ranked(Evaluation(names, score, score, {}, "neighbors", shots))
    assert without_psnr == [("example", index) for index in range(len(mses))]


def test_examples_of_an_epoch(tmp_path: Path) -> None:
    warnings: list[str] = []
    kept = ExampleImages(tmp_path / "images", warnings.append)
    kept.begin()
    for seed in range(5):
        kept.see(*noisy_image(seed))
    kept.after_epoch(1)
    read = content(tmp_path / "images")
    assert (read["epoch"], read["weights"], warnings) == (1, "last", [])
    assert [entry["name"] for entry in read["images"]] == [f"{seed}.png" for seed in range(4)]  # type: ignore[attr-defined]
    kept.begin()
    kept.see(*noisy_image(7))
    kept.after_epoch(2)  # at once, which is too soon
    assert content(tmp_path / "images") == read
    kept.begin()
    kept.see(*noisy_image(8))  # of an epoch that is not finished
    kept.write()
    read = content(tmp_path / "images")
    assert (read["epoch"], [entry["name"] for entry in read["images"]]) == (2, ["7.png"])  # type: ignore[attr-defined]
    (tmp_path / "images" / "images.json").unlink()
    kept.write()  # of what is written already
    assert not (tmp_path / "images" / "images.json").exists()


def test_that_they_cannot_be_written_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "images").touch()
    warnings: list[str] = []
    kept = ExampleImages(tmp_path / "images", warnings.append)
    for epoch in (1, 2):
        kept.begin()
        kept.see(*noisy_image(0))
        kept.after_epoch(epoch)
        kept.write()
    assert warnings == [
        f"{tmp_path / 'images'}: cannot be made: File exists. "
        "Training goes on without pictures of it."
    ]


def test_a_stopped_run_keeps_those_of_its_latest_epoch(
    tiny: Callable[..., Architecture],
    make_trainer: Callable[[Architecture], Trainer],
    train: Callable[..., Any],
    tmp_path: Path,
) -> None:
    with pytest.raises(Stopped):
        train(make_trainer(tiny("train.epochs=9")), tmp_path, stop_after=8)  # in the third
    read = content(tmp_path / "images")
    assert (read["epoch"], read["weights"]) == (2, "last")
