"""The table that ``run.py`` makes; what it is made of is ``zoo bench``'s."""

from __future__ import annotations

import importlib.util
from datetime import date
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("run.py")
MACHINE = {
    "cpu": "Some Processor",
    "device": "cpu (2 threads)",
    "precision": "float32",
    "matmul_gflops": 160.2,
    "versions": {"torch": "2.13.0", "python": "3.11.9", "zoo": "0.1.0"},
}


def figure(seconds: float) -> dict[str, float]:
    return {"seconds": seconds, "gflops": 12.7}


def report(name: str, remarks: list[str], **others: float) -> dict[str, Any]:
    variants = {"zoo": figure(0.0123), "nchw": figure(0.02), **dict.fromkeys(others, figure(0.5))}
    case = {
        "step": "training",
        "batch_size": 10,
        "variants": variants,
        "ratio": 0.615,
        "memory_ratio": None if others else 0.7,
    }
    return {
        "architecture": {"name": name},
        "machine": MACHINE,
        "cases": [case],
        "remarks": remarks,
    }


def test_the_table() -> None:
    spec = importlib.util.spec_from_file_location("run", FILE)
    assert spec is not None
    assert spec.loader is not None
    run = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(run)
    reports = [report("a", ["torch.compile: not timed: why"]), report("b", [], compile=0.5)]
    assert list(run.table(reports, date(2026, 1, 2))) == [
        "Some Processor, cpu (2 threads), float32, matrix products at 160 GFLOP/s; torch 2.13.0, "
        "Python 3.11.9, zoo 0.1.0; 2026-01-02. Milliseconds.",
        "",
        "| network | step, batch | zoo | torch.nn | torch.compile | zoo / best | GFLOP/s | memory "
        "|",
        "|---|---|--:|--:|--:|--:|--:|--:|",
        "| `a` | training, 10 | 12.3 | 20 |  | 0.61 | 13 | 0.70 |",
        "| `b` | training, 10 | 12.3 | 20 | 500 | 0.61 | 13 |  |",
        "\n`a`: torch.compile: not timed: why",
    ]
    assert set(run.LARGE) <= {path.stem for path in run.ARCHITECTURES.glob("*.toml")}
