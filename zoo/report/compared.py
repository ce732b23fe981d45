"""The page of ``zoo compare``: architectures trained by zoo and by torch.nn, side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from zoo.report.charts import Line, line_chart
from zoo.report.frame import table
from zoo.report.page import Section, figures, render_page
from zoo.report.scales import compact, duration, fixed, short

TITLES: Mapping[str, str] = {"zoo": "zoo", "torch": "torch.nn"}
RESULTS = (
    *("architecture", "parameters", "PSNR zoo, dB", "PSNR torch.nn, dB"),
    *("largest difference, dB", "time zoo", "time torch.nn", "ratio", "median ratio", "folders"),
)
LEAD = (
    "The same file, weights, batches, noise, schedule and optimizer; an epoch of each in turn, in "
    "one process. The difference is the largest of an epoch's validation. Times include "
    "validation; a ratio below 1 says that zoo is faster."
)


def compared_page(trained: Section, comparisons: Sequence[Mapping[str, Any]]) -> str:
    """The page.

    Args:
        trained: what was trained.
        comparisons: one or more, as ``zoo compare --json`` has them.
    """
    names = [str(comparison["name"]) for comparison in comparisons]
    results = Section("results", "Results", table(RESULTS, [_row(it) for it in comparisons]), LEAD)
    of_each = [
        Section(f"architecture-{number}", name, _charts(comparison))
        for number, (name, comparison) in enumerate(zip(names, comparisons, strict=True), start=1)
    ]
    title = f"{', '.join(names)}: zoo beside torch.nn"
    return render_page(title, [results, trained, *of_each])


def _row(comparison: Mapping[str, Any]) -> list[str]:
    psnr, seconds = comparison["psnr"], comparison["seconds"]
    largest = comparison["largest_difference"]
    return [
        comparison["name"],
        compact(comparison["parameters"]),
        *(fixed(psnr[side], 2) for side in TITLES),
        "–" if largest is None else short(largest, 2),
        *(duration(seconds[side]) for side in TITLES),
        *(fixed(comparison[key], 2) for key in ("ratio", "median_ratio")),
        ", ".join(comparison["runs"].values()),
    ]


def _charts(comparison: Mapping[str, Any]) -> Markup:
    epochs = comparison["epochs"]
    xs = [float(epoch["epoch"]) for epoch in epochs]

    def sides(key: str) -> list[Line]:
        return [
            Line(title, xs, [_number(epoch[key][side]) for epoch in epochs], series, series > 0)
            for series, (side, title) in enumerate(TITLES.items())
        ]

    differences = [abs(_number(epoch["difference"])) for epoch in epochs]
    return figures(
        [
            line_chart("PSNR of the validation images", sides("psnr"), unit="dB"),
            line_chart("Validation loss", sides("val_loss")),
            line_chart(
                "Difference of the PSNRs", [Line("magnitude", xs, differences, 2)], unit="dB"
            ),
            line_chart("Time of an epoch", sides("seconds"), unit="s", from_zero=True),
        ]
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else value
