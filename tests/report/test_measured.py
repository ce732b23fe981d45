"""What a page says of results that are bad, or that are no PSNR against clean images."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.report.html import Page, assert_is_closed
from tests.report.making import make_pictures, make_run, registry
from tests.tiny import TINY
from zoo.data import evaluation as measured
from zoo.report.measured import MEASURED
from zoo.report.plain import in_words
from zoo.report.report import run_page, runs_page
from zoo.report.run_files import read_run

NEIGHBORS = TINY.replace("samples_per_epoch", 'target = "neighbors"\nsamples_per_epoch')


def page_of(run: Path) -> Page:
    return assert_is_closed(run_page(read_run(run, registry()), registry()))


def page_of_all(*runs: Path) -> Page:
    return assert_is_closed(runs_page([read_run(run, registry()) for run in runs]))


def evaluated(run: Path, **changes: Any) -> Path:
    path = run / "evaluation.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return run


def without_clean(folder: Path) -> Path:
    run = evaluated(make_run(folder, text=NEIGHBORS), compared_with="neighbors")
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    text = "".join(json.dumps({**line, "val_psnr": None}) + "\n" for line in lines)
    (run / "metrics.jsonl").write_text(text)
    return run


def test_a_result_below_its_noisy_input(tmp_path: Path) -> None:
    scores = [{"name": "photo.png", "psnr": 13.75, "psnr_noisy": 20.09}]
    run = make_run(tmp_path / "run")
    make_pictures(run, count=1)
    said = "The result is no better than its noisy input: PSNR 13.75 dB, and 20.09 dB."
    assert said not in page_of(run).text
    page = page_of(evaluated(run, psnr=13.75, psnr_noisy=20.09, per_image=scores))
    assert f"To look at {said}" in page.text
    assert "Gain −6.34 dB: it became worse." in page.text
    assert "image photo.png" in page.text
    assert "worst photo.png" not in page.text
    (badge,) = [it for it in page.all("span") if "badge" in (it.get("class") or "")]
    assert badge["class"] == "badge finished worse"


def test_what_psnr_compares_with_is_as_it_is_evaluated() -> None:
    assert MEASURED == measured.MEASURED


def test_a_run_on_noisy_pictures_alone(tmp_path: Path) -> None:
    page = page_of(without_clean(tmp_path / "run"))
    for said in (
        "Outputs are compared with noisy pixels, by neighbors, not with clean images.",
        "compared with noisy pixels, by neighbors: the figures say nothing of clean images",
        "PSNR was not measured: there are no clean images, and outputs are compared with noisy "
        "pixels, by neighbors.",
        "PSNR of each image, against noisy pixels, by neighbors",
        "training, against noisy pixels, by neighbors 0.25",
        "validation, against noisy pixels, by neighbors 0.2",
    ):
        assert said in page.text, said
    assert "PSNR 27.50 dB" not in page.text
    scores = [{"name": "photo.png", "psnr": 13.75, "psnr_noisy": 20.0}]
    assert "worse" not in page_of(evaluated(tmp_path / "run", per_image=scores)).text
    assert "SSIM 0.750" not in page.text


def test_a_run_on_pairs_of_noisy_pictures(tmp_path: Path) -> None:
    page = page_of(evaluated(make_run(tmp_path / "run"), compared_with="noisy"))
    assert "PSNR against noisy views 27.50 dB" in page.text


def test_runs_that_cannot_be_compared(tmp_path: Path) -> None:
    clean, noisy = make_run(tmp_path / "clean"), without_clean(tmp_path / "noisy")
    page = page_of_all(clean, noisy)
    said = "The figures of these runs cannot be compared"
    assert said in page.text
    assert "clean: clean images; noisy: noisy pixels, by neighbors." in page.text
    assert "time compared with" in page.text
    for chart in ("PSNR of each image", "Mean over the images", "PSNR by time"):
        assert chart not in page.text
    other = make_run(tmp_path / "other", name="elsewhere.png")
    assert "They were evaluated on different images." in page_of_all(clean, other).text
    stronger = evaluated(make_run(tmp_path / "s"), noise={"type": "gaussian", "sigma": 50})
    page = page_of_all(clean, stronger)
    assert "clean: gaussian (sigma 25); s: gaussian (sigma 50)." in page.text
    alike = page_of_all(clean, make_run(tmp_path / "alike"))
    assert said not in alike.text
    assert "PSNR of each image" in alike.text


def test_the_same_run_twice_and_a_stopped_one(tmp_path: Path) -> None:
    run, stopped = make_run(tmp_path / "run"), make_run(tmp_path / "stopped")
    (stopped / "evaluation.json").unlink()
    page = page_of_all(run, run, stopped)
    assert "run (1), run (2) are the same run." in page.text
    assert "stopped trained 22.00 validation –" in page.text


def test_lists_are_ranges_only_where_they_are() -> None:
    assert in_words({"type": "adam", "betas": [0.9, 0.999]}) == "adam (betas [0.9, 0.999])"
    noise = {"type": "gaussian", "sigma": [0, 50]}
    assert in_words(noise, ranges=True) == "gaussian (sigma 0 to 50)"
    assert in_words([1, 2, 3], ranges=True) == "[1, 2, 3]"


@pytest.mark.parametrize(
    ("what", "said"),
    [("loss", "--resume --set 'optimizer.lr=A SMALLER RATE'"), ("input", "--weights")],
)
def test_how_to_go_on_after_a_divergence(tmp_path: Path, what: str, said: str) -> None:
    run = make_run(tmp_path / "run")
    for name in ("evaluation.json", "metrics.jsonl"):
        (run / name).unlink()
    kept = {"step": 1, "epoch": 1, "lr": 0.5, "layer": "", "what": what, "cause": "Less."}
    torch.save({"diverged": {**kept, "layers": []}}, run / "diverged.pkl")
    page = page_of(run)
    assert "Training diverged in epoch 1 of 2: a number became infinite" in page.text
    assert said in page.text
    assert "zoo denoise" not in page.text  # the network is as it was drawn


@pytest.mark.parametrize(
    ("epoch", "said"),
    [
        (1, "Denoised by the weights of epoch 1."),
        (2, "of epoch 2, the best."),
        (3, "of epoch 3, the latest."),
    ],
)
def test_of_which_epoch_the_pictures_are(tmp_path: Path, epoch: int, said: str) -> None:
    run = make_run(tmp_path / "run")
    make_pictures(run, count=1)
    path = run / "images" / "images.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "epoch": epoch}))
    with (run / "metrics.jsonl").open("a") as stream:
        stream.write(json.dumps({"epoch": 3, "step": 9, "val_psnr": 1.0}) + "\n")
    assert said in page_of(run).text
    assert math.isclose(read_run(run, registry()).best_psnr, 22.0)
