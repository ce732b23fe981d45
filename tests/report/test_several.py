"""The pages of zoo compare and of zoo sweep."""

from __future__ import annotations

import re
from typing import Any

from tests.report.html import assert_is_closed
from zoo.report.compared import compared_page
from zoo.report.lines import Epoch
from zoo.report.swept import sweep_page
from zoo.report.trained import trained_section
from zoo.sweep import Cell, ResultTable, Setting
from zoo.sweep.results import Result
from zoo.sweep.rows import Rows, rows_of

HOSTILE = "</script><b>'&"
FILES = [
    {"name": HOSTILE, "data": {"noise": {"type": "gaussian"}}, "train": {"epochs": 2, "seed": it}}
    for it in (0, 1)
]
TRAINED = trained_section(FILES, [{"device": "a chip", "threads": 2}, {}], "2026-01-02 03:04")


def comparison(name: str, *psnrs: float | None) -> dict[str, Any]:
    epochs = [
        {
            "epoch": number,
            "psnr": {"zoo": psnr, "torch": psnr and psnr - 1e-5},
            "difference": psnr and 1e-5,
            "val_loss": {"zoo": 0.01, "torch": 0.02},
            "seconds": {"zoo": 1.0, "torch": 2.0},
        }
        for number, psnr in enumerate(psnrs, start=1)
    ]
    return {
        "name": name,
        "parameters": 12_345,
        "psnr": {"zoo": 24.456, "torch": 24.451},
        "largest_difference": 1e-5 if psnrs[0] else None,
        "seconds": {"zoo": 70.0, "torch": 140.0},
        "ratio": 0.5,
        "median_ratio": 0.45,
        "runs": {"zoo": f"c/{name}-zoo", "torch": f"c/{name}-torch"},
        "epochs": epochs,
    }


def test_the_page_of_a_comparison() -> None:
    page = assert_is_closed(
        compared_page(TRAINED, [comparison("r3", 20.0, 24.0), comparison(HOSTILE, 1.0)])
    )
    assert (
        "r3 12.3 k 24.46 24.45 1×10⁻⁵ 1 min 10 s 2 min 20 s 0.50 0.45 c/r3-zoo, c/r3-torch"
        in page.text
    )
    assert "device a chip" in page.text
    assert f"{HOSTILE} 12.3 k" in page.text
    assert f"r3, {HOSTILE}: zoo beside torch.nn" in page.text
    assert page.text.count("PSNR of the validation images") == 2
    assert "zoo 24 dB torch.nn 24 dB" in page.text


def test_a_comparison_without_clean_pictures() -> None:
    page = assert_is_closed(compared_page(TRAINED, [comparison("r3", None, None)]))
    assert "r3 12.3 k 24.46 24.45 – 1 min 10 s" in page.text
    assert page.text.count("Nothing was measured.") == 2  # PSNR and its difference
    assert "torch.nn 0.02" in page.text


def rows(**psnrs: list[float]) -> Rows:
    settings, results = [], {}
    for label, values in psnrs.items():
        cells = tuple(Cell(f"{label}{seed}", "", seed) for seed in range(len(values)))
        reason = "" if values else f"{HOSTILE} cannot be"
        settings.append(Setting(label, {}, cells, 223, reason))
        for cell, psnr in zip(cells, values, strict=True):
            results[cell.name] = Result(psnr, psnr, 0.9, 20.0, 10.0, (f"{label} is odd",))
    return rows_of(ResultTable(HOSTILE, tuple(settings), {"a": "25.1"}, "A note."), results, {})


def curve(*psnrs: float) -> list[Epoch]:
    return [Epoch(i, i, 0.1, 0.1, psnr, 0.1, 1.0) for i, psnr in enumerate(psnrs, start=1)]


def test_the_page_of_a_sweep() -> None:
    curves = {"a0": curve(20.0, 24.5), "a1": curve(1.0, 2.0), "b0": curve(19.0, 18.25)}
    text = sweep_page("Sweep r3", TRAINED, [rows(a=[24.0, 24.2], b=[18.0, 18.2], c=[])], curves)
    page = assert_is_closed(text)
    assert "a 24.10 ± 0.14 24.10 ± 0.14 2 223 10 25.1 best" in page.text
    assert "best: a, by more than the noise of the seeds." in page.text
    for said in (
        "A note.",
        f"c: {HOSTILE} cannot be",
        "a, seeds 0, 1: a is odd",
        "b, seeds 0, 1: b is odd",
    ):
        assert said in page.text
    dots = re.findall(r'<circle[^>]*class="dot s1 faint"', text)
    assert len(dots) == 4  # a run each
    assert "a 24.5 dB b 18.25 dB" in page.text  # of the first seed
    assert "Of the first seed." in page.text


def test_a_sweep_of_which_nothing_is_finished() -> None:
    page = assert_is_closed(sweep_page("Sweep", TRAINED, [rows(a=[])], {}))
    assert "cannot be built" in page.text
    assert "PSNR of each run" not in page.text


def test_of_many_settings_the_best_are_drawn() -> None:
    many = {f"s{i}": [20.0 + i] for i in range(12)}
    curves = {f"s{i}0": curve(20.0 + i) for i in range(12)}
    page = assert_is_closed(sweep_page("Sweep", TRAINED, [rows(**many)], curves))
    assert "s4 24 dB" in page.text
    assert "s3 23 dB" not in page.text
    assert "Of the first seed, and of the 8 best settings." in page.text
