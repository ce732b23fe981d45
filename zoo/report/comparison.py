"""Several runs beside each other: a table of what they reached, and of what differs in them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from markupsafe import Markup

from zoo.errors import format_value, shorten
from zoo.report.charts import Dots, dot_plot, sorted_dots
from zoo.report.frame import table
from zoo.report.page import Section, figures
from zoo.report.plain import number, text
from zoo.report.run_files import RunFiles
from zoo.report.scales import compact, duration
from zoo.report.scores import image_scores

MOST_SETTINGS = 60
MOST_DEPTH = 8
NOT_SETTINGS = ("name", "description", "format")
LONGEST = 40  # characters of a setting


def labels(runs: Sequence[RunFiles]) -> Sequence[str]:
    """A short name for each run: the folder's, with a number where several have the same."""
    count = Counter(run.name for run in runs)
    return [
        run.name if count[run.name] == 1 else f"{run.name} ({number})"
        for number, run in enumerate(runs, 1)
    ]


def comparison(runs: Sequence[RunFiles], names: Sequence[str]) -> Sequence[Section]:
    """The tables of several runs, and the PSNR of the images that all were evaluated on."""
    return [
        Section("table", "Results", _results(runs, names), wide=True),
        Section("scores", "PSNR", _charts(runs, names)),
        Section(
            "settings",
            "What differs in their settings",
            _differences(runs, names),
            "Of the resolved files; what is not listed is the same in all.",
            wide=True,
        ),
    ]


def _results(runs: Sequence[RunFiles], names: Sequence[str]) -> Markup:
    head = [
        "run",
        "state",
        "PSNR, dB",
        "gain, dB",
        "SSIM",
        "parameters",
        "multiply-adds",
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
                _fixed(psnr, 2),
                _fixed(psnr - noisy, 2, sign=True),
                _fixed(ssim, 3),
                compact(info.parameters) if info else "–",
                compact(info.multiply_adds) if info else "–",
                f"{run.epochs[-1].epoch:,}" if run.epochs else "0",
                duration(sum(seconds)) if seconds else "–",
            ]
        )
    return table(head, rows)


def _charts(runs: Sequence[RunFiles], names: Sequence[str]) -> Markup:
    found = [
        (name, {it.name: it for it in image_scores(run.evaluation)})
        for run, name in zip(runs, names, strict=True)
    ]
    found = [(name, images) for name, images in found if images]
    if not found:
        return Markup("")
    charts = [
        dot_plot(
            "Mean over the images, and their spread",
            [(name, [it.psnr for it in islice(images.values(), 400)]) for name, images in found],
            unit="dB",
            note="The large dot is the mean, the line one standard deviation of the images.",
        )
    ]
    first = found[0][1]
    if len(found) > 1 and all(images.keys() == first.keys() for _, images in found):
        order = sorted(first, key=lambda image: first[image].psnr)[:400]
        dots = [
            Dots(name, [images[image].psnr for image in order], index)
            for index, (name, images) in enumerate(found)
        ]
        charts.append(sorted_dots("PSNR of each image", order, dots, unit="dB"))
    return figures(charts)


def _differences(runs: Sequence[RunFiles], names: Sequence[str]) -> Markup:
    flat = [dict(_flat(run.resolved)) for run in runs]
    keys = dict.fromkeys(key for settings in flat for key in settings)
    rows = []
    for key in keys:
        values = [settings.get(key, "–") for settings in flat]
        if len(set(values)) > 1:
            rows.append([text(key, 80), *(shorten(value, LONGEST) for value in values)])
    if not rows:
        return Markup("")
    return table(["setting", *names], rows[:MOST_SETTINGS])


def _flat(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """(dotted key, value as TOML has it) of all that is in a table."""
    inner: Mapping[str, Any] = {}
    if isinstance(value, dict):
        inner = {f"{path}.{key}" if path else str(key): item for key, item in value.items()}
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        inner = {f"{path}[{index}]": item for index, item in enumerate(value)}
    if not inner or depth == MOST_DEPTH:
        yield path, format_value(value)
        return
    for key, item in inner.items():
        if key not in NOT_SETTINGS:
            yield from _flat(item, key, depth + 1)


def _fixed(value: float, digits: int, *, sign: bool = False) -> str:
    if not math.isfinite(value):
        return "–"
    return f"{value:{'+' if sign else ''}.{digits}f}".replace("-", "−")
