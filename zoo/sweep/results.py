"""What a cell has reached, read from the files of its run."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.files import read_regular
from zoo.sweep.cells import Cell
from zoo.sweep.folder import SweepFolder

EVALUATED = ("evaluation.json", "examples.png")  # what a run writes at its end, as RunDirectory's
DIVERGED = "diverged.pkl"
MOST_LOG = 2**24  # bytes of what a cell has said
WARNING = "warning: "


@dataclass(frozen=True)
class Result:
    """What a cell has reached.

    Attributes:
        psnr, psnr_of_mean_mse: of the evaluation, in dB.
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
    """The result of a cell; None for one that is not finished."""
    run = folder.run(cell)
    if not all((run / name).is_file() for name in EVALUATED):
        return None
    evaluation = _read_json(run / EVALUATED[0])
    try:
        return Result(
            psnr=_number(evaluation["psnr"]),
            psnr_of_mean_mse=_number(evaluation["psnr_of_mean_mse"]),
            ssim=None if evaluation["ssim"] is None else _number(evaluation["ssim"]),
            psnr_noisy=_number(evaluation["psnr_noisy"]),
            seconds=_seconds(run / "metrics.jsonl"),
            remarks=_remarks(folder.log(cell)),
        )
    except (KeyError, TypeError, ValueError):  # damaged: it is evaluated again
        return None


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


def _read_json(path: Path) -> Any:
    with suppress(OSError, ValueError, RecursionError):
        return json.loads(read_regular(path, MOST_LOG))
    return {}


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError("no number")
    return float(value)


def _seconds(metrics: Path) -> float:
    lines = read_regular(metrics, MOST_LOG).decode().splitlines()
    return sum(_number(json.loads(line)["seconds"]) for line in lines)
