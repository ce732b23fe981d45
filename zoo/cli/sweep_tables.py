"""The tables of ``zoo sweep`` for a person."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table

from zoo.cli.console import cell, print_table
from zoo.cli.streams import say
from zoo.sweep.rows import Row, Rows
from zoo.sweep.table import TEXTS, cells_of_row, columns_of, verdict

MOST_REMARKS = 3  # of a setting


def print_tables(tables: Iterable[Rows]) -> None:
    """Print each table, what the seeds tell, its note, and what was said of its runs."""
    for rows in tables:
        say("")
        print_table(_table(rows))
        for line in filter(None, (verdict(rows), rows.note)):
            say(line)
        for row in rows.rows:
            _say_about(row)


def _table(rows: Rows) -> Table:
    table = Table(title=cell(rows.name), title_justify="left")
    heads = columns_of(rows)
    for head in heads:
        of_text = head in TEXTS
        table.add_column(
            head,
            justify="left" if of_text else "right",
            no_wrap=True,
        )
    for row in rows.rows:
        texts = cells_of_row(rows, row)
        style = "bold" if row.label == rows.best else ""
        table.add_row(*(cell(texts[head]) for head in heads), style=style)
    return table


def _say_about(row: Row) -> None:
    if row.reason:
        say(f"{row.label}: {row.state}: {row.reason}")
    for remark in row.remarks[:MOST_REMARKS]:
        say(f"{row.label}: {remark}")
    if len(row.remarks) > MOST_REMARKS:
        say(f"{row.label}: and {len(row.remarks) - MOST_REMARKS} remarks more (--json has all)")
