"""The curves of one or several runs: losses, PSNR, learning rate and time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from markupsafe import Markup

from zoo.report.charts import Line, line_chart
from zoo.report.measured import compared_with, reference, target, why_no_psnr
from zoo.report.page import Section, figures
from zoo.report.plain import at, text
from zoo.report.run_files import RunFiles

NAMED: Mapping[str, str] = {"train_loss": "training", "val_loss": "validation"}


def curves(run: RunFiles) -> Section:
    """The curves of one run."""
    epochs = run.epochs
    if not epochs:
        return Section("curves", "Training", Markup(""))
    against = {"train_loss": target(run), "val_loss": of_validation(run)}
    losses = [
        _line(run, key, f"{name}, against {other}" if (other := against[key]) else name, index)
        for index, (key, name) in enumerate(NAMED.items())
    ]
    kind = text(at(run.resolved, "loss", "type"), 40)
    charts = [
        line_chart(f"Loss ({kind})" if kind else "Loss", losses),
        line_chart(
            "PSNR of the validation images",
            [_marked(run, _line(run, "val_psnr", "validation", 1))],
            unit="dB",
            note=why_no_psnr(run),
        ),
        line_chart("Learning rate", [_line(run, "lr", "at the epoch's end", 2)], from_zero=True),
        line_chart(
            "Time of an epoch", [_line(run, "seconds", "seconds", 3)], unit="s", from_zero=True
        ),
    ]
    return Section("curves", "Training", figures(charts))


def of_validation(run: RunFiles) -> str:
    """What the validation's loss compares with, in words; "" where it is not known."""
    compared = compared_with(run)
    return reference(compared) if compared else ""


def overlaid(runs: Sequence[RunFiles], names: Sequence[str], psnr: bool = True) -> Section:
    """The curves of several runs, one over the other.

    Args:
        runs: what their folders have.
        names: of the runs.
        psnr: whether that can be compared.
    """
    charts = []
    for key, title, unit in (
        ("val_psnr", "PSNR of the validation images", "dB"),
        ("val_loss", "Validation loss", ""),
        ("train_loss", "Training loss", ""),
        ("lr", "Learning rate", ""),
    ):
        if key == "val_psnr" and not psnr:
            continue
        lines = [
            _line(run, key, name, index)
            for index, (run, name) in enumerate(zip(runs, names, strict=True))
        ]
        charts.append(line_chart(title, lines, unit=unit, from_zero=key == "lr"))
    if not psnr:
        return Section("curves", "Training", figures(charts))
    timed = [_timed(run, name, i) for i, (run, name) in enumerate(zip(runs, names, strict=True))]
    charts.append(line_chart("PSNR by time", timed, x_label="seconds", unit="dB", whole=False))
    return Section("curves", "Training", figures(charts))


def _line(run: RunFiles, key: str, name: str, series: int) -> Line:
    xs = [float(epoch.epoch) for epoch in run.epochs]
    return Line(name, xs, [getattr(epoch, key) for epoch in run.epochs], series)


def _marked(run: RunFiles, line: Line) -> Line:
    """The line with its best epoch, whose weights the run keeps as ``best``."""
    if not run.best_epoch:
        return line
    return replace(line, marked=float(run.best_epoch), mark=f"best, epoch {run.best_epoch:,}")


def _timed(run: RunFiles, name: str, series: int) -> Line:
    """PSNR against the time that all epochs so far have taken."""
    passed, xs = 0.0, []
    for epoch in run.epochs:
        passed += epoch.seconds if epoch.seconds > 0 else 0.0
        xs.append(passed)
    return Line(name, xs, [epoch.val_psnr for epoch in run.epochs], series)
