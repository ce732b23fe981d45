"""``zoo sweep``: a grid of runs with seeds, and the tables of what they reach."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click
import tomli

from zoo.architecture.overrides import Override
from zoo.cli.caching import cache_option, check_cache
from zoo.cli.console import print_json, warn_of_failures
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
from zoo.cli.shard import Shard, ShardType
from zoo.cli.streams import say, streams, work_counts
from zoo.cli.sweep_lines import Show, say_repeated, say_unbuilt, start_line
from zoo.cli.sweep_tables import print_tables
from zoo.cli.sweep_work import Means, check_jobs, how, threads_of, train, workers_of
from zoo.errors import Stopped, printable
from zoo.plugins.registry import Registry, load_registry
from zoo.sweep.cells import Cell, Setting, cells_of, expand_plan
from zoo.sweep.folder import SweepFolder, look_at_sweep, open_sweep
from zoo.sweep.plan import read_plan
from zoo.sweep.results import failure
from zoo.sweep.rows import Rows, rows_of
from zoo.sweep.table import to_csv, to_dict, to_markdown


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
    type=UserPath(what="folder"),
    help="Folder of the sweep, new or to go on with.",
)
@click.option("--jobs", default=1, show_default=True, type=AtLeast(1), help="Runs at once.")
@click.option(
    "--cluster",
    metavar="local|tcp://HOST:PORT|FILE",
    help="Train on the workers of a Dask cluster: of this machine (as many as --jobs), or that of "
    "a scheduler's address or file.",
)
@click.option(
    "--shard",
    type=ShardType(),
    metavar="I/N",
    help="Train the I-th of N parts of the runs only, as 1/4, and leave the others to others.",
)
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
    cluster: str | None,
    shard: Shard | None,
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
    was stopped or killed, and beside one that runs it is one more worker. A setting is "best" only
    where its mean PSNR exceeds the second's by more than twice the standard error of their
    difference over the seeds.
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
    check_jobs(cluster, jobs)
    if cache is not None:
        check_cache(cache, out)
    folder = look_at_sweep(out)
    wanted = [] if dry_run else Show(folder, cells).look()
    stopped: Stopped | None = None
    with workers_of(None if dry_run else cluster, jobs, wanted, registry) as workers:
        if not dry_run:
            folder = open_sweep(out, threads, threads_of(cluster, jobs))
        show = Show(folder, cells)
        left = show.look()
        if shard is not None:
            in_shard = {cell.name for _, cell in shard.of(cells)}
            left = [cell for cell in left if cell.name in in_shard]
        if left:
            say_unbuilt(tables)
        say_repeated(tables)
        means = "" if dry_run else how(folder, cluster, jobs)
        say(start_line(folder, cells, left, means, shard))
        if dry_run:
            show.failures.update((it.name, why) for it in left if (why := failure(folder, it)))
        elif left:
            folder.write_plan(read.text)
            cached = () if cache is None else ("--cache", f"{cache.absolute()}")
            options = ("--resume", "--device", device, *cached)
            stopped = train(show, left, Means(cluster, jobs, options, workers))
            others = show.look()
            if shard is not None and others and stopped is None:
                say(f"{len(others)} of {len(cells)} runs are not finished: other shards train them")
    rows = [rows_of(table, show.results, show.failures) for table in tables]
    _print(rows, as_json, as_csv, as_markdown)
    if not dry_run:
        _write_page(folder, plan, rows, cells)
    if stopped is not None:
        raise stopped
    if show.code:
        say(f"{show.lost} of {len(cells)} runs failed; the same command tries them again", err=True)
        click.get_current_context().exit(show.code)


def _validation(registry: Registry, source: str) -> Override:
    table = source_table(registry, source, "--validation")
    return Override.of_option("--validation", ("data", "validation"), table)


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
