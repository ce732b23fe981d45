"""What a cell has reached, read from the files of its run."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.files import read_regular
from zoo.sweep.cells import Cell
from zoo.sweep.folder import SweepFolder

EVALUATED = ("evaluation.json", "examples.png")  # what a run writes at its end, as RunDirectory's
METRICS = "metrics.jsonl"
DIVERGED = "diverged.pkl"
MOST_LOG = 2**24  # bytes of what a cell has said
LARGEST = 1e15  # of the figures in a file; more would overflow in means and deviations
WARNING = "warning: "
DAMAGED = (OSError, LookupError, TypeError, ValueError, OverflowError, RecursionError)


@dataclass(frozen=True)
class Result:
    """What a cell has reached.

    Attributes:
        psnr, psnr_of_mean_mse: of the evaluation, in dB; infinite for images without an error.
        ssim: of the evaluation; None where the images have none.
        psnr_noisy: of the images before they are denoised.
        seconds: of training, all its parts together.
        remarks: what was said about it, without "warning: ".
    """

    psnr: float
    psnr_of_mean_mse: float
    ssim: float | None
    psnr_noisy: float
    seconds: float
    remarks: tuple[str, ...] = ()


def read_result(folder: SweepFolder, cell: Cell) -> Result | None:
    """The result of a cell; None for one that is not finished, or of which a file is damaged."""
    run = folder.run(cell)
    with suppress(*DAMAGED):
        if not all((run / name).is_file() for name in EVALUATED):
            return None
        evaluation = json.loads(read_regular(run / EVALUATED[0], MOST_LOG))
        return Result(
            psnr=_decibels(evaluation["psnr"]),
            psnr_of_mean_mse=_decibels(evaluation["psnr_of_mean_mse"]),
            ssim=None if evaluation["ssim"] is None else _number(evaluation["ssim"]),
            psnr_noisy=_decibels(evaluation["psnr_noisy"]),
            seconds=_seconds(run / METRICS),
            remarks=_remarks(folder.log(cell)),
        )
    return None


def forget_result(folder: SweepFolder, cell: Cell) -> None:
    """Remove the evaluation of a cell that has no result, so that its run is evaluated again.

    A file in it may be damaged; the metrics are written again on the way.
    """
    with suppress(OSError):
        (folder.run(cell) / EVALUATED[0]).unlink(missing_ok=True)


def divergence(folder: SweepFolder, cell: Cell) -> str:
    """How a cell diverged; "" where it did not."""
    with suppress(OSError, ValueError):
        return read_regular(folder.diverged(cell)).decode().strip()
    return ""


def failure(folder: SweepFolder, cell: Cell) -> str:
    """Why a cell failed that is to be tried again; "" where it did not."""
    with suppress(OSError, ValueError):
        return read_regular(folder.failure(cell)).decode().strip()
    return ""


def said(log: Path, start: int = 0) -> list[str]:
    """The lines in a cell's log, from a byte on."""
    with suppress(OSError):
        text = read_regular(log, MOST_LOG)[start:].decode("utf-8", "replace")
        return [line for line in text.splitlines() if line.strip()]
    return []


def _remarks(log: Path) -> tuple[str, ...]:
    warnings = (line for line in said(log) if line.startswith(WARNING))
    return tuple(dict.fromkeys(line.removeprefix(WARNING) for line in warnings))


def _decibels(value: Any) -> float:
    """A PSNR; JSON has no infinite one, of images without an error, and null in its place."""
    return math.inf if value is None else _number(value)


def _number(value: Any) -> float:
    """A finite number.

    Raises:
        TypeError, ValueError, OverflowError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError("no number")
    if not abs(value) < LARGEST:
        raise ValueError("not finite, or nothing that was measured")
    return float(value)


def _seconds(metrics: Path) -> float:
    lines = read_regular(metrics, MOST_LOG).decode().splitlines()
    return sum(_number(json.loads(line)["seconds"]) for line in lines)
