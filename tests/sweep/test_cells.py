"""Cells: their names, what cannot be built, and that they can be sent elsewhere."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tiny import TINY
from zoo.plugins.registry import Registry
from zoo.sweep import ResultTable, expand_plan, read_plan
from zoo.sweep.cells import cell_name, cells_of, repeated

Expand = Callable[..., ResultTable]
SWEEPS = sorted((Path(__file__).parents[2] / "architectures" / "sweeps").glob("*.toml"))


def names(table: ResultTable) -> list[str]:
    return [cell.name for setting in table.settings for cell in setting.cells]


def test_what_cannot_be_built_is_a_row_with_its_reason(expand: Expand) -> None:
    table = expand('grid = { "layers.0.stride" = [2, 1] }')
    first, second = table.settings
    assert (first.reason, len(first.cells), first.parameters) == ("", 1, 223)
    assert (second.cells, second.parameters) == ((), None)
    assert second.reason == (
        "the output is 32x32, the input 16x16: the loss cannot compare them. Use layers that give "
        "back the input's shape."
    )


def test_a_name_is_that_of_what_is_trained(expand: Expand) -> None:
    (name,) = names(expand(""))
    assert names(expand("seeds = [0]")) == [name]
    assert names(expand("set = { train.epochs = 2 }")) == [name]  # as the file has it
    others = ["seeds = [1]", "set = { train.epochs = 3 }", "set = { layers.0.out_channels = 5 }"]
    assert len({name, *(name for text in others for name in names(expand(text)))}) == 4
    Path("tiny.toml").write_text(TINY + "# a comment\n")
    assert names(expand("set = { description = 'another' }")) == [name]


def test_a_key_at_its_default_changes_no_name(expand: Expand) -> None:
    (cell,) = expand("").settings[0].cells
    without = cell.text.replace('precision = "float32"\n', "")
    assert without != cell.text
    assert cell_name(without) == cell_name(cell.text)
    assert cell_name(cell.text.replace('"float32"', '"bfloat16"')) != cell_name(cell.text)


def test_a_cell_of_two_tables_is_trained_once(expand: Expand, registry: Registry) -> None:
    expand("")
    text = 'tables = [{ name = "a", seeds = [0, 1] }, { name = "b", seeds = [1, 2] }]'
    Path("plan.toml").write_text(f'format = 1\narchitecture = "tiny.toml"\n{text}')
    tables = expand_plan(read_plan(Path("plan.toml")), registry)
    assert sorted(cell.seed for _, cell in cells_of(tables)) == [0, 1, 2]


def test_settings_that_are_the_same(expand: Expand) -> None:
    assert repeated(expand("grid = { train.epochs = [2, 3] }")) == {}
    text = 'settings = [{ name = "a" }, { name = "b", set = { train.epochs = 2 } }]'
    assert repeated(expand(text)) == {"b": "a"}


def test_a_cell_can_be_pickled(expand: Expand) -> None:
    (cell,) = expand("").settings[0].cells
    assert pickle.loads(pickle.dumps(cell)) == cell


@pytest.mark.parametrize("size", ["short", "full"])
@pytest.mark.parametrize("path", SWEEPS, ids=[path.stem for path in SWEEPS])
def test_the_reports_plans_can_be_built(path: Path, size: str, registry: Registry) -> None:
    tables = expand_plan(read_plan(path, size), registry)
    built = {setting.label for table in tables for setting in table.settings if setting.cells}
    assert built
    for table in tables:
        assert table.published.keys() <= {setting.label for setting in table.settings}
        for setting in table.settings:
            if setting.reason and "train.backend" not in setting.values:
                assert table.published[setting.label] == "incompatible shapes"
