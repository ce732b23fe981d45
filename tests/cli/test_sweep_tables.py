"""The tables of ``zoo sweep`` on a terminal of 80 columns, and what is said below them."""

from __future__ import annotations

import pytest

from zoo.cli.sweep_tables import print_tables
from zoo.sweep import Cell, ResultTable, Setting
from zoo.sweep.results import Result
from zoo.sweep.rows import Rows, rows_of

LONG = 'optimizer = {type = "adam", lr = 0.1}, batch_size = 10, stride = 2'


FRAMED = """
strides
┏━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━┳━━━┳━━━━━━━━━━━━┳━━━━━━━━━┳━━━━━━━━━━━┓
┃ setting                ┃         PSNR ┃ n ┃ parameters ┃ seconds ┃           ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━╇━━━╇━━━━━━━━━━━━╇━━━━━━━━━╇━━━━━━━━━━━┩
│ stride = 1             │ 24.05 ± 0.07 │ 2 │  1,234,567 │   12345 │ best      │
│ optimizer = {type =    │ 22.05 ± 0.07 │ 2 │     38,723 │   12345 │           │
│ "adam", lr = 0.1},     │              │   │            │         │           │
│ batch_size = 10,       │              │   │            │         │           │
│ stride = 2             │              │   │            │         │           │
│ noisy input            │ 20.00 ± 0.00 │   │            │         │           │
│ stride = 0             │              │ 0 │            │         │ cannot be │
│                        │              │   │            │         │ built     │
└────────────────────────┴──────────────┴───┴────────────┴─────────┴───────────┘
best: stride = 1, by more than the noise of the seeds.
stride = 0: cannot be built: stride is 0.
"""
BARE = """
strides
setting                    PSNR  n  parameters  seconds  published
stride = 1         24.05 ± 0.07  2   1,234,567    12345                best
optimizer = {type  22.05 ± 0.07  2      38,723    12345
= "adam", lr =
0.1}, batch_size
= 10, stride = 2
noisy input        20.00 ± 0.00
stride = 0                       0                       incompatible  cannot be
                                                         shapes        built
best: stride = 1, by more than the noise of the seeds.
stride = 0: cannot be built: stride is 0.
"""


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes it for a terminal
    monkeypatch.setenv("COLUMNS", "80")


def swept(published: dict[str, str], remarks: tuple[str, ...] = ()) -> Rows:
    labels = ["stride = 1", LONG, "stride = 0"]
    cells = {label: tuple(Cell(f"{label}{seed}", "", seed) for seed in (0, 1)) for label in labels}
    settings = [
        Setting(labels[0], {}, cells[labels[0]], 1_234_567),
        Setting(LONG, {}, cells[LONG], 38_723),
        Setting(labels[2], {}, (), reason="stride is 0."),
    ]
    results = {
        cell.name: Result(psnr + cell.seed / 10, psnr, 0.9, 20.0, 12_345.0, remarks)
        for psnr, label in ((24.0, labels[0]), (22.0, LONG))
        for cell in cells[label]
    }
    return rows_of(ResultTable("strides", tuple(settings), published, ""), results, {})


def printed(capsys: pytest.CaptureFixture[str], rows: Rows) -> list[str]:
    print_tables([rows])
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


@pytest.mark.usefixtures("narrow")
def test_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, swept({})) == FRAMED.splitlines()


@pytest.mark.usefixtures("narrow")
def test_80_columns_with_published_figures(capsys: pytest.CaptureFixture[str]) -> None:
    rows = swept({"stride = 0": "incompatible shapes"})
    assert printed(capsys, rows) == BARE.splitlines()


def test_a_pipe_has_a_line_for_each_setting(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, swept({}))
    assert "PSNR of mean MSE" in lines[2]
    assert any(line.startswith(f"{LONG}  ") for line in lines)


def test_few_remarks_of_all_settings(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, swept({}, ("one", "two")))
    assert lines[-5:] == [
        "stride = 0: cannot be built: stride is 0.",
        "stride = 1, seeds 0, 1: one",
        "stride = 1, seeds 0, 1: two",
        f"{LONG}, seeds 0, 1: one",
        "and 1 remark more (--json has all)",
    ]
