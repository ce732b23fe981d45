"""Several runs beside each other: a table of what they reached, and of what differs in them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from markupsafe import Markup

from zoo.report.charts import Dots, dot_plot, sorted_dots
from zoo.report.frame import spread, table
from zoo.report.measured import compared_with, reference
from zoo.report.page import Section, figures
from zoo.report.plain import in_words, number, text
from zoo.report.plain import table as table_of
from zoo.report.run_files import RunFiles
from zoo.report.scales import compact, duration, fixed
from zoo.report.scores import image_scores

MOST_SETTINGS = 60
MOST_DEPTH = 8
MOST_DOTS = 1200  # of a chart
NOT_SETTINGS = ("name", "description", "format")
LONGEST = 60  # characters of a setting


def labels(runs: Sequence[RunFiles]) -> Sequence[str]:
    """A short name for each run: the folder's, with a number where several have the same."""
    count = Counter(run.name for run in runs)
    return [
        run.name if count[run.name] == 1 else f"{run.name} ({number})"
        for number, run in enumerate(runs, 1)
    ]


def same_runs(runs: Sequence[RunFiles], names: Sequence[str]) -> Sequence[str]:
    """A sentence for each folder that was named more than once."""
    found: dict[Path, list[str]] = {}
    for run, name in zip(runs, names, strict=True):
        found.setdefault(run.path.resolve(), []).append(name)
    return [f"{', '.join(same)} are the same run." for same in found.values() if len(same) > 1]


def comparison(
    runs: Sequence[RunFiles], names: Sequence[str], psnr: bool = True
) -> Sequence[Section]:
    """A table of several runs, and the PSNR of the images that all were evaluated on.

    Args:
        runs: what their folders have.
        names: of the runs.
        psnr: whether that can be compared.
    """
    return [
        Section("table", "Results", _results(runs, names)),
        Section("scores", "PSNR", _charts(runs, names) if psnr else Markup("")),
    ]


def settings(runs: Sequence[RunFiles], names: Sequence[str]) -> Section:
    """What differs in the runs' resolved files."""
    return Section(
        "settings",
        "What differs in their settings",
        _differences(runs, names),
        "Of the resolved files; what is not listed is the same in all.",
    )


def _results(runs: Sequence[RunFiles], names: Sequence[str]) -> Markup:
    head = [
        "run",
        "state",
        "PSNR, dB",
        "gain, dB",
        "SSIM",
        "parameters",
        "multiply-adds a pixel",
        "epochs",
        "time",
    ]
    rows = []
    for run, name in zip(runs, names, strict=True):
        psnr, noisy, ssim = (
            number(run.evaluation.get(key)) for key in ("psnr", "psnr_noisy", "ssim")
        )
        info = run.architecture.shapes.info if run.architecture else None
        seconds = [epoch.seconds for epoch in run.epochs if epoch.seconds >= 0]
        rows.append(
            [
                name,
                run.state,
                _psnr(run),
                fixed(psnr - noisy, 2, sign=True),
                fixed(ssim, 3),
                compact(info.parameters) if info else "–",
                compact(info.multiply_adds / run.pixels) if info else "–",
                f"{run.epochs[-1].epoch:,}" if run.epochs else "0",
                duration(sum(seconds)) if seconds else "–",
            ]
        )
    if any(compared_with(run) not in ("", "clean") for run in runs):
        head.append("compared with")
        for row, run in zip(rows, runs, strict=True):
            row.append(reference(compared) if (compared := compared_with(run)) else "–")
    return table(head, rows)


def _psnr(run: RunFiles) -> str:
    """Of the evaluation, or the best of the validations where there is none, marked as such."""
    if run.evaluation:
        return fixed(number(run.evaluation.get("psnr")), 2)
    return f"{fixed(run.best_psnr, 2)} validation" if math.isfinite(run.best_psnr) else "–"


def _charts(runs: Sequence[RunFiles], names: Sequence[str]) -> Markup:
    found = [
        (name, {it.name: it for it in image_scores(run.evaluation)})
        for run, name in zip(runs, names, strict=True)
    ]
    found = [(name, images) for name, images in found if images]
    if not found:
        return Markup("")
    values = [(name, [it.psnr for it in images.values()]) for name, images in found]
    note = "The large dot is the mean, the line one standard deviation of the images."
    charts = [dot_plot("Mean over the images, and their spread", values, unit="dB", note=note)]
    first = found[0][1]
    if len(found) > 1 and all(images.keys() == first.keys() for _, images in found):
        order = sorted(first, key=lambda image: first[image].psnr)
        order = [order[i] for i in spread(len(order), max(1, MOST_DOTS // len(found)))]
        dots = [
            Dots(name, [images[image].psnr for image in order], index)
            for index, (name, images) in enumerate(found)
        ]
        charts.append(sorted_dots("PSNR of each image", order, dots, unit="dB"))
    return figures(charts)


def _differences(runs: Sequence[RunFiles], names: Sequence[str]) -> Markup:
    known = [(name, run.resolved) for run, name in zip(runs, names, strict=True) if run.resolved]
    if not known:
        return Markup("")
    rows = list(islice(_differing([resolved for _, resolved in known], ""), MOST_SETTINGS))
    return table(["setting", *(name for name, _ in known)], rows) if rows else Markup("")


def _differing(values: Sequence[Any], path: str, depth: int = 0) -> Iterator[Sequence[str]]:
    """A row for each setting that is not the same in all: the dotted key, and the values.

    Tables of one type are compared key by key, those of different types as a whole.
    """
    if all(value == values[0] for value in values):
        return
    kinds = {str(table_of(value).get("type")) for value in values}
    inner: Sequence[Mapping[Any, Any]] = ()
    if all(isinstance(value, dict) for value in values) and len(kinds) == 1:
        inner = values
    elif all(isinstance(v, list) and all(isinstance(it, dict) for it in v) for v in values):
        inner = [dict(enumerate(value)) for value in values]
    if not inner or depth == MOST_DEPTH:
        said = (
            text(in_words(value, ranges="noise" in path), LONGEST) if value is not None else "–"
            for value in values
        )
        yield [text(path, 80), *said]
        return
    for key in dict.fromkeys(key for value in inner for key in value):
        if key not in NOT_SETTINGS:
            name = f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}".lstrip(".")
            yield from _differing([value.get(key) for value in inner], name, depth + 1)
