"""``zoo sweep``: a grid of runs with seeds, and the tables of what they reach."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import click
import tomli

from zoo.architecture.overrides import Override
from zoo.cli.caching import cache_option
from zoo.cli.console import count_of, print_json, shell_command, warn_of_failures
from zoo.cli.options import (
    AtLeast,
    UserPath,
    data_option,
    device_option,
    json_option,
    overrides,
    set_option,
    source_table,
)
from zoo.cli.pages import PAGE, write_page
from zoo.cli.streams import say, streams, work_counts
from zoo.cli.sweep_tables import print_tables
from zoo.errors import Stopped, printable
from zoo.plugins.registry import Registry, load_registry
from zoo.sweep.cells import Cell, ResultTable, Setting, cells_of, expand_plan, repeated
from zoo.sweep.folder import SweepFolder, look_at_sweep, open_sweep
from zoo.sweep.plan import read_plan
from zoo.sweep.results import Result, failure
from zoo.sweep.rows import Rows, rows_of
from zoo.sweep.table import to_csv, to_dict, to_markdown
from zoo.sweep.work import Outcome, Worker, ended_before

CELL = (sys.executable, "-m", "zoo.cli.sweep_cell", "run")


def _only_text(ctx: click.Context, param: click.Parameter, value: bool) -> bool:
    if value:
        streams().reserve()
    return value


@click.command()
@click.argument("plan", metavar="PLAN.toml", type=UserPath())
@click.option(
    "-o",
    "--out",
    required=True,
    metavar="SWEEP",
    type=UserPath(),
    help="Folder of the sweep, new or to go on with.",
)
@click.option("--jobs", default=1, show_default=True, type=AtLeast(1), help="Runs at once.")
@click.option(
    "--threads",
    type=AtLeast(1),
    help="Threads of each run.  [default: the cores over --jobs, kept for the whole sweep]",
)
@device_option
@click.option("--size", metavar="NAME", help="Which of the plan's sizes.  [default: the plan's]")
@click.option("--random", "draws", type=AtLeast(1), metavar="N", help="Random settings to draw.")
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=AtLeast(0),
    help="Seed of the random settings; the runs' are the plan's.",
)
@data_option("What to train on, for all runs")
@click.option("--validation", metavar="SOURCE", help="What to validate and measure on, as --data.")
@click.option("--epochs", type=AtLeast(1), help="Passes over the data, for all runs.")
@cache_option
@set_option
@click.option(
    "--dry-run", is_flag=True, help="Check all runs, print what is there, and train nothing."
)
@json_option
@click.option("--csv", "as_csv", is_flag=True, callback=_only_text, help="Print CSV.")
@click.option(
    "--markdown", "as_markdown", is_flag=True, callback=_only_text, help="Print Markdown."
)
def sweep(
    plan: Path,
    out: Path,
    jobs: int,
    threads: int | None,
    device: str,
    size: str | None,
    draws: int | None,
    seed: int,
    data: str | None,
    validation: str | None,
    epochs: int | None,
    cache: Path | None,
    changes: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
    as_csv: bool,
    as_markdown: bool,
) -> None:
    """Train every setting of a plan with every seed, and print a table of what they reach.

    All are checked first; what cannot be built is a row with its reason. Each is an ordinary run in
    a folder of SWEEP, whose report.html is a page of them. The same command again goes on where it
    was stopped or killed, and beside one
    that runs it is one more worker. A setting is "best" only where its mean PSNR exceeds the
    second's by more than twice the standard error of their difference over the seeds.
    """
    if as_json + as_csv + as_markdown > 1:
        raise click.UsageError("--json, --csv and --markdown exclude each other. Use one.")
    work_counts()
    registry = load_registry()
    read = read_plan(plan, size, draws, seed)
    given = overrides(registry, plan, data, epochs, None, changes)
    if validation is not None:
        given.append(_validation(registry, validation))
    tables = expand_plan(read, registry, given)
    warn_of_failures(registry)
    cells = cells_of(tables)
    folder = look_at_sweep(out) if dry_run else _open(out, threads, jobs)
    show = _Show(folder, cells)
    left = show.look()
    stopped: Stopped | None = None
    if left:
        _say_unbuilt(tables)
    _say_repeated(tables)
    say(_start_line(folder, cells, left, jobs, dry_run))
    if dry_run:
        show.failures.update((cell.name, why) for cell in left if (why := failure(folder, cell)))
    elif left:
        folder.write_plan(read.text)
        options = () if cache is None else ("--cache", f"{cache.absolute()}")
        stopped = _work(show, left, jobs, ("--device", device, *options))
    rows = [rows_of(table, show.results, show.failures) for table in tables]
    _print(rows, as_json, as_csv, as_markdown)
    if not dry_run:
        _write_page(folder, plan, rows, cells)
    if stopped is not None:
        raise stopped
    if show.code:
        say(f"{show.lost} of {len(cells)} runs failed; the same command tries them again", err=True)
        click.get_current_context().exit(show.code)


@dataclass
class _Show:
    """What is known of the cells, and the lines about them.

    Attributes:
        folder: of the sweep.
        cells: all, with the settings that they are of.
        results, failures: of those that have ended, by their names.
        lost: how many failed that the same command tries again.
        code: the exit code of the first of these.
    """

    folder: SweepFolder
    cells: Sequence[tuple[Setting, Cell]]
    results: dict[str, Result] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    lost: int = 0
    code: int = 0

    def look(self) -> list[Cell]:
        """Take in what has ended; the cells that are left."""
        left = []
        for _, cell in self.cells:
            outcome = ended_before(self.folder, cell)
            if outcome is None:
                left.append(cell)
            else:
                self._keep(outcome)
        return left

    def report(self, outcome: Outcome) -> None:
        """Take in a cell that has ended, and print its line."""
        self._keep(outcome)
        done = len(self.results) + len(self.failures)
        setting = next(setting for setting, cell in self.cells if cell.name == outcome.cell.name)
        head = f"{done} of {len(self.cells)}  {setting.label}, seed {outcome.cell.seed}: "
        if outcome.result is None:
            say(f"{head}{outcome.reason}")
        else:
            say(f"{head}{outcome.result.psnr:.2f} dB in {outcome.result.seconds:.0f} s")

    def _keep(self, outcome: Outcome) -> None:
        if outcome.result is None:
            self.failures[outcome.cell.name] = outcome.reason
            self.code = self.code or outcome.code
            self.lost += bool(outcome.code)
        else:
            self.results[outcome.cell.name] = outcome.result


def _validation(registry: Registry, source: str) -> Override:
    table = source_table(registry, source, "--validation")
    return Override.of_option("--validation", ("data", "validation"), table)


def _open(out: Path, threads: int | None, jobs: int) -> SweepFolder:
    return open_sweep(out, threads, max(1, _cores() // jobs))


def _cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _say_repeated(tables: Iterable[ResultTable]) -> None:
    for table in tables:
        for label, before in repeated(table).items():
            say(f"{table.name}: {label} is the same network and training as {before}")


def _say_unbuilt(tables: Iterable[ResultTable]) -> None:
    """How many settings; their reasons are with the tables."""
    if number := sum(bool(setting.reason) for table in tables for setting in table.settings):
        say(f"{count_of('setting', number)} cannot be built")


def _start_line(
    folder: SweepFolder,
    cells: Sequence[tuple[Setting, Cell]],
    left: Sequence[Cell],
    jobs: int,
    dry_run: bool,
) -> str:
    if not left:
        return f"sweep: {folder.path}: no runs left of {len(cells)}"
    how = f", {jobs} at once, threads of each: {folder.threads}"
    return f"sweep: {folder.path}: {len(left)} of {len(cells)} runs left{'' if dry_run else how}"


def _work(show: _Show, left: Sequence[Cell], jobs: int, given: Sequence[str]) -> Stopped | None:
    """Train the cells that are left; returns what to raise where a signal came, all saved."""

    def wait(count: int) -> None:
        say(f"waiting for {count} runs of another worker")

    def slow(runs: Sequence[Path]) -> None:
        names = ", ".join(printable(str(run)) for run in runs)
        say(f"waiting until these are saved: {names}; a second signal ends them at once", err=True)

    options = ("--resume", *given)
    worker = Worker(show.folder, CELL, options, jobs, show.report, wait, slow)
    try:
        worker.work(left)
    except KeyboardInterrupt as stop:
        number = int(getattr(stop, "number", signal.SIGINT))
        done = len(show.results) + len(show.failures)
        command = shell_command("zoo", *sys.argv[1:])
        message = f"stopped and saved after {done} of {len(show.cells)} runs. Go on with: {command}"
        return Stopped(message, number)
    return None


def _write_page(
    folder: SweepFolder,
    plan: Path,
    rows: Sequence[Rows],
    cells: Sequence[tuple[Setting, Cell]],
) -> None:
    """Write the page of the sweep; that it cannot be written is said."""
    from zoo.report.run_files import read_environment, read_epochs
    from zoo.report.swept import sweep_page
    from zoo.report.trained import trained_section

    curves = {cell.name: read_epochs(folder.run(cell)) for _, cell in cells}
    files = [tomli.loads(cell.text) for _, cell in cells]
    environments = [read_environment(folder.run(cell)) for _, cell in cells]
    trained = trained_section(files, environments, f"{datetime.now():%Y-%m-%d %H:%M}")
    page = sweep_page(f"Sweep {printable(plan.stem)}", trained, rows, curves)
    write_page(folder.path / PAGE, page)


def _print(rows: Sequence[Rows], as_json: bool, as_csv: bool, as_markdown: bool) -> None:
    if as_json:
        print_json(to_dict(rows))
    elif as_csv or as_markdown:
        text = to_csv(rows) if as_csv else to_markdown(rows)
        click.echo(text.encode("utf-8", "backslashreplace"), nl=False, file=streams().out)
    else:
        print_tables(rows)
