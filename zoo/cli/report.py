"""``zoo report``: one or several runs as one page."""

from __future__ import annotations

from pathlib import Path

import click

from zoo.cli.console import warn_of_failures
from zoo.cli.options import UserPath
from zoo.cli.pages import PAGE
from zoo.cli.streams import say, work_counts
from zoo.errors import CheckpointError, UsageError
from zoo.files import open_regular, require_folder, write_text
from zoo.plugins.registry import load_registry
from zoo.sweep.folder import MARK as MARK_OF_SWEEP

ENDINGS = (".html", ".htm")
MARK = b'<meta name="generator" content="zoo '  # in what zoo.report.page writes
HEAD = 4096  # bytes in which it stands


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=UserPath())
@click.option(
    "-o",
    "--output",
    metavar="FILE.html",
    type=UserPath(),
    help="The file to write; by default report.html in the folder of the run, or for several runs "
    "in this one. An earlier report is replaced.",
)
@click.option("--overwrite", is_flag=True, help="Replace the file also if it is no report.")
def report(runs: tuple[Path, ...], output: Path | None, overwrite: bool) -> None:
    """Write one or several runs as one page: an HTML file that needs nothing else.

    RUN is a run's folder; the run may be finished, stopped or diverged, or still be going on. Of
    one run the page has curves, pictures, layers and the architecture, of several a table and their
    curves one over the other.
    """
    work_counts()
    for run in runs:
        _require_no_sweep(run)
    target = output or (runs[0] / PAGE if len(runs) == 1 else Path(PAGE))
    if output is not None:
        _require_target(target, overwrite)
    registry = load_registry()
    warn_of_failures(registry)
    from zoo.report.report import run_page, runs_page
    from zoo.report.run_files import read_run

    found = [read_run(run, registry) for run in runs]
    if output is None:
        _require_target(target, overwrite)
    page = run_page(found[0], registry) if len(found) == 1 else runs_page(found)
    write_text(target, page)
    say(f"wrote {target}: {target.stat().st_size:,} bytes")


def _require_no_sweep(path: Path) -> None:
    if (path / MARK_OF_SWEEP).is_file():
        page = path / PAGE
        raise CheckpointError(
            f"{path}: is a sweep: its page is {page}. Name the folder of a run in it."
        )


def _require_target(path: Path, overwrite: bool) -> None:
    """Refuse, before the work, a file that cannot be written, or that is no report and is there."""
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"{path}: a page is written. Use a name that ends in .html.")
    if path.is_dir():
        raise UsageError(f"{path}: is a folder. Name a file in it.")
    there = path.exists() or path.is_symlink()
    if there and not overwrite and not _is_report(path):
        raise UsageError(f"{path}: is there, and no report. Use another name, or --overwrite.")
    require_folder(str(path), path)


def _is_report(path: Path) -> bool:
    try:
        with open_regular(path) as stream:
            return MARK in stream.read(HEAD)
    except OSError:
        return False
