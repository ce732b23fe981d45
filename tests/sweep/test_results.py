"""What is read from a cell's run: finite figures of whole files, or nothing."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from zoo.sweep import Cell, ResultTable, Setting
from zoo.sweep.folder import SweepFolder, open_sweep
from zoo.sweep.results import Result, forget_result, read_result
from zoo.sweep.rows import rows_of
from zoo.sweep.table import to_csv, to_dict, to_markdown

CELL = Cell("0123456789abcdef", 'name = "net"\n', 3)
EVALUATION = {"psnr": 24.5, "psnr_of_mean_mse": 24.0, "ssim": None, "psnr_noisy": 20.0}


def finished(path: Path, **figures: object) -> SweepFolder:
    """A folder with the run of the cell, finished, its evaluation with these figures."""
    folder = open_sweep(path, 1, 1)
    run = folder.run(CELL)
    run.mkdir()
    (run / "evaluation.json").write_text(json.dumps({**EVALUATION, **figures}))
    (run / "examples.png").touch()
    (run / "metrics.jsonl").write_text('{"seconds": 1.5}\n{"seconds": 2}\n')
    return folder


def test_a_finished_cell(tmp_path: Path) -> None:
    folder = finished(tmp_path)
    assert read_result(folder, CELL) == Result(24.5, 24.0, None, 20.0, 3.5)


def test_an_infinite_psnr_is_a_row(tmp_path: Path) -> None:
    """JSON has null for it."""
    result = read_result(finished(tmp_path, psnr=None, psnr_of_mean_mse=None), CELL)
    assert result == Result(math.inf, math.inf, None, 20.0, 3.5)
    cells = (CELL, Cell("b", "", 4))
    setting = Setting("a", {}, cells, 223)
    other = Setting("b", {}, (Cell("c", "", 3),), 223)
    results = {CELL.name: result, "b": result, "c": Result(20.0, 20.0, None, 20.0, 1.0)}
    rows = rows_of(ResultTable("t", (other, setting), {}, ""), results, {})
    first = rows.rows[0]
    assert (first.label, first.psnr and first.psnr.mean) == ("a", math.inf)
    assert "inf" in to_csv([rows])
    assert "inf" in to_markdown([rows])
    assert to_dict([rows])["tables"][0]["rows"][0]["n"] == 2


@pytest.mark.parametrize(
    "content",
    [
        b"\xff",
        b"{",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"psnr": 1}',
        json.dumps({**EVALUATION, "psnr": "24"}).encode(),
        json.dumps({**EVALUATION, "psnr": math.nan}).encode(),
        json.dumps({**EVALUATION, "psnr": 10**400}).encode(),
        json.dumps({**EVALUATION, "psnr": 1e308}).encode(),
        json.dumps({**EVALUATION, "ssim": True}).encode(),
        json.dumps(EVALUATION).replace("24.5", "1" * 5000).encode(),
    ],
)
def test_a_damaged_evaluation_is_forgotten(tmp_path: Path, content: bytes) -> None:
    """The run is then evaluated again: it has neither this nor a result."""
    folder = finished(tmp_path)
    evaluation = folder.run(CELL) / "evaluation.json"
    evaluation.write_bytes(content)
    assert read_result(folder, CELL) is None
    forget_result(folder, CELL)
    assert not evaluation.exists()


@pytest.mark.parametrize(
    "content", [b"\xff", b"{", b"1\n", b'{"seconds": NaN}', b'{"seconds": 1e308}', b"[" * 100_000]
)
def test_damaged_metrics(tmp_path: Path, content: bytes) -> None:
    folder = finished(tmp_path)
    (folder.run(CELL) / "metrics.jsonl").write_bytes(content)
    assert read_result(folder, CELL) is None


@pytest.mark.parametrize("name", ["evaluation.json", "examples.png", "metrics.jsonl"])
def test_a_file_that_is_not_there_or_a_folder(tmp_path: Path, name: str) -> None:
    folder = finished(tmp_path)
    (folder.run(CELL) / name).unlink()
    assert read_result(folder, CELL) is None
    (folder.run(CELL) / name).mkdir()
    assert read_result(folder, CELL) is None
    forget_result(folder, CELL)
    assert (folder.run(CELL) / name).is_dir()
