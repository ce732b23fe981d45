"""The tables of ``zoo sweep`` for a person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import wrap
from typing import Literal

from rich.table import Table
from rich.text import Text

from zoo.cli.console import cell, count_of, fits, print_table
from zoo.cli.streams import say
from zoo.sweep.rows import Row, Rows
from zoo.sweep.table import PSNR_OF_MEAN_MSE, SETTING, TEXTS, cells_of_row, columns_of, verdict

MOST_REMARKS = 3  # of a table
LETTERS = 12  # of a line of a text beside the figures, where the terminal is narrow


def print_tables(tables: Iterable[Rows]) -> None:
    """Print each table, what the seeds tell, its note, and what was said of its runs."""
    for rows in tables:
        say("")
        print_table(_table(rows))
        for line in filter(None, (verdict(rows), rows.note)):
            say(line)
        _say_about(rows.rows)


def _table(rows: Rows) -> Table:
    """The whole table; on a terminal too narrow for it one column less, and texts fold."""
    heads = columns_of(rows)
    table = _of_columns(rows, heads, whole=True)
    narrow = [head for head in heads if head != PSNR_OF_MEAN_MSE]
    return table if fits(table) else _of_columns(rows, narrow, whole=False)


def _of_columns(rows: Rows, heads: Sequence[str], whole: bool) -> Table:
    table = Table(title=cell(rows.name), title_justify="left")
    for head in heads:
        justify: Literal["left", "right"] = "left" if head in TEXTS else "right"
        folds = head == SETTING and not whole
        table.add_column(head, justify=justify, no_wrap=not folds, overflow="fold")
    for row in rows.rows:
        texts = cells_of_row(rows, row)
        style = "bold" if row.label == rows.best else ""
        cells = {head: cell(text) for head, text in texts.items()}
        if not whole:
            cells |= {head: _in_lines(texts[head]) for head in TEXTS if head != SETTING}
        table.add_row(*(cells[head] for head in heads), style=style)
    return table


def _in_lines(text: str) -> Text:
    return Text("\n").join(map(cell, wrap(text, LETTERS, break_long_words=False)))


def _say_about(rows: Sequence[Row]) -> None:
    for row in rows:
        if row.reason:
            say(f"{row.label}: {row.state}: {row.reason}")
    said = [f"{row.label}, {remark}" for row in rows for remark in row.remarks]
    for remark in said[:MOST_REMARKS]:
        say(remark)
    if len(said) > MOST_REMARKS:
        say(f"and {count_of('remark', len(said) - MOST_REMARKS)} more (--json has all)")
