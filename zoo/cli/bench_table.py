"""What ``zoo bench`` prints for a person."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table

from zoo.bench.agreement import STEPS, Agreement
from zoo.bench.report import Case, Report
from zoo.bench.variants import VARIANTS, ZOO
from zoo.cli.console import print_table
from zoo.cli.streams import say

# In two lines each, so that all columns fit beside each other.
HEADERS = {
    "zoo": "zoo\nms",
    "nchw": "torch\nms",
    "channels_last": "channels\nlast ms",
    "compile": "compile\nms",
    "autotuned": "autotune\nms",
}
STEP_NAMES = {"training": "train", "inference": "infer", "picture": "picture"}


def print_report(report: Report) -> None:
    """Print the machine, how well the losses agree, and a row for each case."""
    spec, machine = report.architecture, report.machine
    versions = machine["versions"]
    say(f"device: {machine['device']}, {machine['cpu']}")
    say(
        f"torch {versions['torch']}, zoo {versions['zoo']}, {machine['precision']}; "
        f"matrix products: {machine['matmul_gflops']:.0f} GFLOP/s"
    )
    if machine["kernels"]:
        say(f"convolutions of 3 x 3 taps: {machine['kernels']}")
    what = f"images of {_times(spec.input.shape)}"
    for case in report.cases:
        if case.size is not None:
            what = f"a picture of {_times((spec.input.channels, *case.size))} in {case.depth} bits"
    say(f"model: {spec.name}, {what}, {spec.optimizer.type}")
    if report.agreement is not None:
        say(_agreement(report.agreement))
    print_table(_table(report.cases))
    for remark in report.remarks:
        say(remark)


def _times(sizes: Iterable[int]) -> str:
    return " x ".join(map(str, sizes))


def _agreement(agreement: Agreement) -> str:
    largest = max(agreement.differences.values())
    words = f"losses of {STEPS} steps: equal to {largest:.1e}"
    if agreement.float64 is None:
        return words
    return (
        f"{words}, torch.nn's among themselves to {agreement.rounding:.1e}; "
        f"in float64 equal to {agreement.float64:.1e}"
    )


def _table(cases: Iterable[Case]) -> Table:
    cases = list(cases)
    timed = [name for name in VARIANTS if any(name in case.figures for case in cases)]
    # Narrower where there are more columns, for 80 characters
    table = Table(box=None, pad_edge=False, collapse_padding=len(timed) > 4)
    table.add_column("step", no_wrap=True)
    compared = ("ratio",) if len(timed) > 1 else ()
    others = (*compared, "images/s", "GFLOP/s", *(_memory_header(cases)))
    for name in ("batch", *(HEADERS[name] for name in timed), *others):
        table.add_column(name, justify="right", no_wrap=True)
    for case in cases:
        table.add_row(*_cells(case, timed))
    return table


def _memory_header(cases: list[Case]) -> tuple[str, ...]:
    if any(case.memory_ratio is not None for case in cases):
        return ("memory\nratio",)
    measured = any(case.figures[ZOO.name].peak_bytes is not None for case in cases)
    return ("memory\nMB",) if measured else ()


def _cells(case: Case, timed: list[str]) -> Iterable[str]:
    own = case.figures[ZOO.name]
    yield STEP_NAMES[case.step]
    yield str(case.batch_size)
    for name in timed:
        yield f"{1000 * case.figures[name].seconds:.3g}" if name in case.figures else ""
    if len(timed) > 1:
        yield "" if case.ratio is None else f"{case.ratio:.2f}"
    yield f"{own.images_per_second:.{0 if case.size is None else 2}f}"
    yield f"{own.gflops:.3g}"
    if case.memory_ratio is not None:
        yield f"{case.memory_ratio:.2f}"
    elif own.peak_bytes is not None and len(timed) == 1:
        yield f"{own.peak_bytes / 1e6:.1f}"
