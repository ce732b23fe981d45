"""The page of ``zoo sweep``: its tables, each run's PSNR, and a curve for each setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from zoo.report.charts import Line, dot_plot, line_chart
from zoo.report.frame import table
from zoo.report.lines import Epoch
from zoo.report.page import Section, figures, render, render_page
from zoo.report.svg import element, join
from zoo.sweep.rows import Row, Rows
from zoo.sweep.table import PSNR_OF_MEAN_MSE, cells_of_row, columns_of, verdict

MOST_LINES = 8  # of a chart: more are not told apart
UNITS: Mapping[str, str] = {
    "PSNR": "PSNR, dB",
    PSNR_OF_MEAN_MSE: f"{PSNR_OF_MEAN_MSE}, dB",
    "n": "n (seeds)",
}
MEANING = "PSNR: the mean over the seeds ± their standard deviation; n: how many are finished."

Curves = Mapping[str, Sequence[Epoch]]  # the epochs of a run by the name of its cell


def sweep_page(title: str, trained: Section, tables: Sequence[Rows], curves: Curves) -> str:
    """The page.

    Args:
        title: of the page.
        trained: what was trained.
        tables: with their results.
        curves: of the runs that there are.
    """
    return render_page(
        title,
        [
            trained,
            *(
                Section(f"table-{number}", rows.name, _body(rows, curves), verdict(rows))
                for number, rows in enumerate(tables, start=1)
            ),
        ],
    )


def _body(rows: Rows, curves: Curves) -> Markup:
    heads = columns_of(rows)
    cells = [cells_of_row(rows, row) for row in rows.rows]
    titles = [UNITS.get(head, head) for head in heads]
    body = table(titles, [[it[head] for head in heads] for it in cells], "results")
    said = [f"{row.label}: {row.reason}" for row in rows.rows if row.reason]
    said += [f"{row.label}, {remark}" for row in rows.rows for remark in row.remarks]
    return join(
        [
            body,
            _folders(rows),
            render("sweep_notes.html", meaning=MEANING, note=rows.note, said=said),
            _charts(rows, curves),
        ]
    )


def _folders(rows: Rows) -> Markup:
    """The folder of each run, to be opened."""
    runs = [
        [row.label, str(cell.seed), cell.name]
        for row in rows.rows
        for cell in (row.setting.cells if row.setting else ())
    ]
    folders = table(("setting", "seed", "folder"), runs)
    summary = element("summary", "The folders of the runs")
    return element("details", summary, folders, class_="numbers") if runs else Markup("")


def _charts(rows: Rows, curves: Curves) -> Markup:
    """Of the settings that have results: all seeds' PSNR, and the first seed's curves."""
    done = [row for row in rows.rows if row.results]
    if not done:
        return Markup("")
    values = [(row.label, [it.psnr for it in row.results]) for row in done]
    note = "Small dots are runs, the large one is their mean, the line one standard deviation."
    charts = [dot_plot("PSNR of each run", values, unit="dB", note=note)]
    known = [(row, epochs) for row in done if (epochs := _first(row, curves))]
    for key, name, unit in (
        ("val_psnr", "PSNR of the validation images", "dB"),
        ("train_loss", "Training loss", ""),
    ):
        lines = [
            Line(
                row.label,
                [float(epoch.epoch) for epoch in epochs],
                [getattr(epoch, key) for epoch in epochs],
                series,
            )
            for series, (row, epochs) in enumerate(known[:MOST_LINES])
        ]
        more = f", and of the {MOST_LINES} best settings" if len(known) > MOST_LINES else ""
        charts.append(line_chart(name, lines, unit=unit, note=f"Of the first seed{more}."))
    return figures(charts)


def _first(row: Row, curves: Curves) -> Sequence[Epoch]:
    """The epochs of the first of a setting's runs that has any."""
    cells = row.setting.cells if row.setting else ()
    return next((epochs for cell in cells if (epochs := curves.get(cell.name))), ())
