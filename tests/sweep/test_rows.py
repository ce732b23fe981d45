"""Rows: means, deviations, order, and what the noise of the seeds allows to say."""

from __future__ import annotations

import pytest

from zoo.sweep import Cell, ResultTable, Setting
from zoo.sweep.results import Result
from zoo.sweep.rows import Rows, rows_of
from zoo.sweep.table import to_csv, to_dict, to_markdown, verdict


def table_of(psnrs: dict[str, list[float]], **options: object) -> Rows:
    """A table with these settings, each with these results."""
    settings, results = [], {}
    for label, values in psnrs.items():
        cells = tuple(Cell(f"{label}-{seed}", "", seed) for seed in range(len(values)))
        settings.append(Setting(label, {"optimizer.lr": label}, cells, 223))
        for cell, psnr in zip(cells, values, strict=True):
            if psnr:
                results[cell.name] = Result(psnr, psnr - 0.5, 0.9, 20.0, 10.0)
    table = ResultTable("rates", tuple(settings), options.get("published", {}), "a note")  # type: ignore[arg-type]
    return rows_of(table, results, options.get("failures", {}))  # type: ignore[arg-type]


def test_mean_deviation_and_order() -> None:
    rows = table_of({"a": [20.0, 22.0], "b": [0.0, 0.0], "c": [30.0, 30.0]})
    assert [row.label for row in rows.rows] == ["c", "a", "noisy input", "b"]
    _, second, noisy, third = rows.rows
    assert noisy.psnr is not None
    assert (noisy.psnr.mean, noisy.psnr.deviation, noisy.results) == (20.0, 0.0, ())
    assert second.psnr is not None
    assert second.psnr.mean == 21
    assert second.psnr.deviation == pytest.approx(2**0.5)  # n - 1
    assert (third.psnr, third.state) == (None, "not finished")


@pytest.mark.parametrize(
    ("psnrs", "best", "said"),
    [
        (
            # the difference's standard error is the root of 2/2 + 2/2
            {"a": [22.0, 24.0], "b": [19.0, 21.0]},
            "a",
            "best: a, by more than the noise of the seeds.",
        ),
        (
            {"a": [22.0, 24.0], "b": [19.4, 21.4]},
            "",
            "no best: the noise of the seeds does not tell a from b.",
        ),
        (
            # the third is noisier than the second
            {"a": [25.0, 25.0], "b": [23.0, 23.0], "c": [18.0, 26.0]},
            "",
            "no best: the noise of the seeds does not tell a from c.",
        ),
        (
            {"a": [18.0, 18.1], "b": [3.0, 3.1]},
            "a",
            "best: a, by more than the noise of the seeds. No setting denoises: a has 18.05 dB, "
            "its noisy input 20.00 dB.",
        ),
        ({"a": [19.0]}, "", "No setting denoises: a has 19.00 dB, its noisy input 20.00 dB."),
        ({"a": [25.0], "b": [3.0]}, "", "no best: one seed does not tell its noise."),
        ({"a": [25.0, 25.0]}, "", ""),
    ],
)
def test_best_only_beyond_the_noise_of_the_seeds(
    psnrs: dict[str, list[float]], best: str, said: str
) -> None:
    rows = table_of(psnrs)
    assert (rows.best, verdict(rows)) == (best, said)


def test_noisy_inputs_that_differ_are_no_row() -> None:
    """As of settings that differ in their noise; each row has its own."""
    cells = [Cell(name, "", 0) for name in "ab"]
    settings = tuple(Setting(cell.name, {}, (cell,), 223) for cell in cells)
    results = {"a": Result(24, 23, None, 20, 1), "b": Result(18, 17, None, 14, 1)}
    rows = rows_of(ResultTable("noise", settings, {}, ""), results, {})
    content = to_dict([rows])["tables"][0]
    assert (content["noisy"], [row["psnr_noisy"] for row in content["rows"]]) == (None, [20, 14])
    assert [row.label for row in rows.rows] == ["a", "b"]


def test_a_noisy_input_that_each_seed_draws() -> None:
    cells = [Cell(f"{name}{seed}", "", seed) for name in "ab" for seed in (0, 1)]
    settings = (Setting("a", {}, tuple(cells[:2]), 1), Setting("b", {}, tuple(cells[2:]), 1))
    results = {it.name: Result(24, 23, None, 20 + it.seed, 1) for it in cells}
    rows = rows_of(ResultTable("rates", settings, {}, ""), results, {})
    assert "| noisy input | 20.50 ± 0.71 |" in to_markdown([rows])
    assert rows.noisy == 20.5


def test_a_failure_and_what_is_only_published() -> None:
    rows = table_of(
        {"a": [20.0, 0.0, 0.0, 0.0]},
        failures={"a-1": "it diverged.", "a-2": "so did this."},
        published={"a": "24.40", "x": "25.00"},
    )
    first, _, second = rows.rows
    assert (first.state, first.reason) == ("failed", "seed 1: it diverged. and 1 more failed.")
    assert (second.label, second.state, second.published) == ("x", "only published", "25.00")


def test_json_csv_and_markdown_are_whole() -> None:
    rows = table_of(
        {"a": [23.0, 24.0], "b|c": [20.0, 21.0], "d": [0.0]}, published={"a": "24.80 ± 0.04"}
    )
    content = to_dict([rows])["tables"][0]
    assert content["rows"][0] == {
        "setting": "a",
        "values": {"optimizer.lr": "a"},
        "psnr": 23.5,
        "psnr_deviation": pytest.approx(0.5**0.5),
        "psnr_noisy": 20.0,
        "psnr_of_mean_mse": 23.0,
        "psnr_of_mean_mse_deviation": pytest.approx(0.5**0.5),
        "n": 2,
        "seeds": 2,
        "parameters": 223,
        "seconds": 10.0,
        "published": "24.80 ± 0.04",
        "best": True,
        "state": None,
        "reason": None,
        "runs": [{"seed": 0, "folder": "a-0"}, {"seed": 1, "folder": "a-1"}],
        "remarks": [],
    }
    assert [row["setting"] for row in content["rows"]] == ["a", "b|c", "d"]
    assert {key: content[key] for key in ("name", "note", "best", "not_told_apart", "noisy")} == {
        "name": "rates",
        "note": "a note",
        "best": "a",
        "not_told_apart": [],
        "noisy": 20.0,
    }
    deviation = 0.5**0.5
    assert to_csv([rows]).splitlines() == [
        "table,setting,psnr,psnr_deviation,psnr_of_mean_mse,psnr_of_mean_mse_deviation,n,seeds,"
        "parameters,seconds,published,best,state,reason,optimizer.lr",
        f'rates,a,23.5,{deviation},23.0,{deviation},2,2,223,10.0,24.80 ± 0.04,yes,,,"""a"""',
        f'rates,b|c,20.5,{deviation},20.0,{deviation},2,2,223,10.0,,,,,"""b|c"""',
        "rates,noisy input,20.0,0.0,,,0,0,,,,,,,",
        'rates,d,,,,,0,1,223,,,,not finished,,"""d"""',
    ]
    assert to_markdown([rows]).splitlines() == [
        "## rates",
        "",
        "| setting | PSNR | PSNR of mean MSE | n | parameters | seconds | published |  |",
        "|---|--:|--:|--:|--:|--:|---|---|",
        "| a | 23.50 ± 0.71 | 23.00 ± 0.71 | 2 | 223 | 10 | 24.80 ± 0.04 | best |",
        r"| b\|c | 20.50 ± 0.71 | 20.00 ± 0.71 | 2 | 223 | 10 |  |  |",
        "| noisy input | 20.00 ± 0.00 |  |  |  |  |  |  |",
        "| d |  |  | 0 of 1 | 223 |  |  | not finished |",
        "",
        "best: a, by more than the noise of the seeds.",
        "",
        "a note",
    ]
