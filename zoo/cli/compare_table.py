"""What ``zoo compare`` prints for a person."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from zoo.cli.console import cell, count_of, print_table
from zoo.cli.streams import say, say_lines
from zoo.torch_backend.comparison import BACKENDS, Comparison, Epoch

FAR = 0.1  # dB; runs of other seeds differ by as much


def print_comparisons(comparisons: Sequence[Comparison]) -> None:
    """Print a table of the epochs of each architecture, and one of what came of them."""
    for comparison in comparisons:
        print_table(_epochs_table(comparison))
        say_lines(_timing(comparison))
    print_table(_results_table(comparisons))
    say("PSNR: of each run's best weights; largest difference: of an epoch's validation;")
    say("ratio: zoo's seconds over torch.nn's, of all epochs and the median epoch's")
    for comparison in comparisons:
        if (comparison.largest_difference or 0) > FAR:
            say(
                f"{comparison.name}: zoo and torch.nn differ by {_largest(comparison)}. zoo bench "
                "compares their steps from the same weights: where these agree, rounding has "
                "grown from step to step, as it does where steps are too large."
            )
    for comparison in comparisons:
        say(f"runs: {', '.join(comparison.runs.values())}")


def _epochs_table(comparison: Comparison) -> Table:
    """A row for each epoch: PSNR, or where there is none the validation loss, and seconds."""
    title = f"{comparison.name}, {count_of('parameter', comparison.parameters)}"
    table = Table(title=cell(title), title_justify="left")
    known = comparison.largest_difference is not None
    what = "PSNR" if known else "loss"
    columns = ("epoch", f"{what}\nzoo", f"{what}\ntorch.nn", "difference")
    for name in (*columns, "seconds\nzoo", "seconds\ntorch.nn"):
        table.add_column(name, justify="right", no_wrap=True)
    for epoch in comparison.epochs:
        cells = _psnr_cells(epoch) if known else _loss_cells(epoch)
        table.add_row(str(epoch.epoch), *cells, *(f"{epoch.seconds[it]:.1f}" for it in BACKENDS))
    return table


def _psnr_cells(epoch: Epoch) -> list[str]:
    own, other = ("" if epoch.psnr[it] is None else f"{epoch.psnr[it]:.3f} dB" for it in BACKENDS)
    difference = epoch.difference
    return [own, other, "" if difference is None else f"{difference:+.1e} dB"]


def _loss_cells(epoch: Epoch) -> list[str]:
    own, other = (f"{epoch.val_loss[it]:.5g}" for it in BACKENDS)
    return [own, other, f"{100 * epoch.loss_difference:+.1e} %"]


def _timing(comparison: Comparison) -> str:
    """How the seconds were taken."""
    timed = "seconds: with validation; an epoch of each in turn, in one process"
    before = comparison.elsewhere
    return f"{timed};\nup to epoch {before} an earlier call timed them" if before else timed


def _results_table(comparisons: Sequence[Comparison]) -> Table:
    table = Table()
    table.add_column("architecture", overflow="fold")
    columns = ("PSNR\nzoo", "PSNR\ntorch.nn", "largest\ndifference")
    for name in (*columns, "seconds\nzoo", "seconds\ntorch.nn", "ratio\nof all", "ratio\nmedian"):
        table.add_column(name, justify="right", no_wrap=True)
    for it in comparisons:
        psnr = (f"{it.psnr[name]:.2f} dB" for name in BACKENDS)
        seconds = (f"{it.seconds[name]:.1f}" for name in BACKENDS)
        ratios = f"{it.ratio:.2f}", f"{it.median_ratio:.2f}"
        table.add_row(cell(it.name), *psnr, _largest(it), *seconds, *ratios)
    return table


def _largest(comparison: Comparison) -> str:
    largest = comparison.largest_difference
    if largest is None:
        return f"{100 * comparison.largest_loss_difference:.1e} %"
    return f"{largest:.1e} dB"
