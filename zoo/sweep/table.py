"""The tables of a sweep for other programs: JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from zoo.errors import format_value, printable
from zoo.sweep.rows import Row, Rows, Statistic

PSNR_OF_MEAN_MSE = "PSNR of mean MSE"
SETTING = "setting"
HEAD = (SETTING, "PSNR", PSNR_OF_MEAN_MSE, "n", "parameters", "seconds")
PUBLISHED = "published"
STATE = ""
TEXTS = (SETTING, PUBLISHED, STATE)  # columns that are no numbers
COLUMNS = (
    *("table", "setting", "psnr", "psnr_deviation", "psnr_of_mean_mse"),
    *("psnr_of_mean_mse_deviation", "n", "seeds", "parameters", "seconds", "published"),
    *("best", "state", "reason"),
)


def to_dict(tables: Iterable[Rows]) -> dict[str, Any]:
    """For JSON; a figure that there is none of is None."""
    return {"tables": [_table(rows) for rows in tables]}


def to_csv(tables: Iterable[Rows]) -> str:
    """A line for each setting of each table; what varies has columns of its own, by dotted keys."""
    tables = list(tables)
    keys = dict.fromkeys(
        key for rows in tables for row in rows.rows if row.setting for key in row.setting.values
    )
    text = io.StringIO()
    writer = csv.DictWriter(text, [*COLUMNS, *keys], lineterminator="\n")
    writer.writeheader()
    for rows in tables:
        for row in rows.rows:
            line = {key: value for key, value in _row(rows, row).items() if key in COLUMNS}
            line["best"] = "yes" if line["best"] else ""
            values = _as_toml(row.setting.values) if row.setting else {}
            writer.writerow({"table": rows.name, **line, **values})
    return text.getvalue()


def to_markdown(tables: Iterable[Rows]) -> str:
    """A heading and a table for each."""
    return "\n".join(line for rows in tables for line in _markdown(rows))


def columns_of(rows: Rows) -> tuple[str, ...]:
    """The heads of a table that is read by people: no column that is empty."""
    more = [PUBLISHED] if any(row.published for row in rows.rows) else []
    return (*HEAD, *more, *([STATE] if any(map(partial(state_of, rows), rows.rows)) else []))


def state_of(rows: Rows, row: Row) -> str:
    """What a row is beside its figures: ``best``, ``not finished``; "" for most."""
    return row.state or ("best" if row.label == rows.best else "")


def cells_of_row(rows: Rows, row: Row) -> dict[str, str]:
    """The texts of a row by the heads of their columns."""
    known = row.setting is not None
    parameters = row.setting.parameters if row.setting else None
    seconds = row.seconds
    return {
        SETTING: row.label,
        "PSNR": _statistic(row.psnr),
        PSNR_OF_MEAN_MSE: _statistic(row.psnr_of_mean_mse),
        "n": _count(row) if known else "",
        "parameters": "" if parameters is None else f"{parameters:,}",
        "seconds": "" if seconds is None else f"{seconds:.0f}",
        PUBLISHED: row.published,
        STATE: state_of(rows, row),
    }


def verdict(rows: Rows) -> str:
    """What the seeds tell of the first row, in a sentence; "" where there is nothing to compare."""
    compared = [row for row in rows.rows if row.results]
    return " ".join(filter(None, (_told_apart(rows, compared), _beside_noisy(compared))))


def _beside_noisy(compared: Sequence[Row]) -> str:
    """That the first of the rows with results is no better than its noisy images, if so."""
    first = compared[0] if compared else None
    if not first or first.psnr is None or first.psnr_noisy is None:
        return ""
    if first.psnr.mean > first.psnr_noisy:
        return ""
    return (
        f"No setting denoises: {first.label} has {first.psnr.mean:.2f} dB, its noisy input "
        f"{first.psnr_noisy:.2f} dB."
    )


def _told_apart(rows: Rows, compared: Sequence[Row]) -> str:
    """Which is best of the rows with results, or why none is; "" for fewer than two."""
    if len(compared) < 2:
        return ""
    if rows.best:
        return f"best: {rows.best}, by more than the noise of the seeds."
    first = compared[0]
    if any(len(row.results) < 2 for row in compared[:2]):
        return "no best: one seed does not tell its noise."
    return f"no best: the noise of the seeds does not tell {first.label} from {_all(rows.alike)}."


def _all(labels: Sequence[str]) -> str:
    return "; ".join(labels)


def _statistic(value: Statistic | None) -> str:
    if value is None:
        return ""
    return f"{value.mean:.2f}" + ("" if value.deviation is None else f" ± {value.deviation:.2f}")


def _count(row: Row) -> str:
    finished = len(row.results)
    return str(finished) if finished == row.seeds else f"{finished} of {row.seeds}"


def _table(rows: Rows) -> dict[str, Any]:
    return {
        "name": rows.name,
        "note": rows.note,
        "best": rows.best or None,
        "not_told_apart": list(rows.alike),
        "noisy": rows.noisy,
        "rows": [_row(rows, row) for row in rows.rows if row.known is None],
    }


def _row(rows: Rows, row: Row) -> dict[str, Any]:
    psnr, of_mean = row.psnr, row.psnr_of_mean_mse
    return {
        "setting": row.label,
        "values": _plain(row.setting.values) if row.setting else {},
        "psnr": psnr and psnr.mean,
        "psnr_deviation": psnr and psnr.deviation,
        "psnr_noisy": row.psnr_noisy,
        "psnr_of_mean_mse": of_mean and of_mean.mean,
        "psnr_of_mean_mse_deviation": of_mean and of_mean.deviation,
        "n": len(row.results),
        "seeds": row.seeds,
        "parameters": row.setting.parameters if row.setting else None,
        "seconds": row.seconds,
        "published": row.published or None,
        "best": row.label == rows.best,
        "state": row.state or None,
        "reason": row.reason or None,
        "runs": [
            {"seed": cell.seed, "folder": cell.name}
            for cell in (row.setting.cells if row.setting else ())
        ],
        "remarks": [{"seeds": list(it.seeds), "text": it.text} for it in row.remarks],
    }


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values for JSON; what it has no type for, such as a date, as a text."""
    return {key: json.loads(json.dumps(value, default=str)) for key, value in values.items()}


def _as_toml(values: Mapping[str, Any]) -> dict[str, str]:
    return {key: format_value(value) for key, value in values.items()}


def _markdown(rows: Rows) -> Iterator[str]:
    heads = columns_of(rows)
    yield f"## {_escaped(rows.name)}"
    yield ""
    yield f"| {' | '.join(heads)} |"
    yield f"|{'|'.join('---' if head in TEXTS else '--:' for head in heads)}|"
    for row in rows.rows:
        cells = cells_of_row(rows, row)
        cells[STATE] = ": ".join(filter(None, (cells[STATE], row.reason)))
        yield f"| {' | '.join(_escaped(cells[head]) for head in heads)} |"
    for line in filter(None, (verdict(rows), rows.note)):
        yield ""
        yield _escaped(line)
    yield ""


def _escaped(text: str) -> str:
    return printable(text).replace("|", "\\|")
