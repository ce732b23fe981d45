"""``zoo compare``: architectures trained by zoo and by torch.nn, side by side."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click
import tomli

from zoo.architecture import read_architecture
from zoo.cli.caching import cache_option, opened_cache
from zoo.cli.console import print_json
from zoo.cli.options import (
    AtLeast,
    UserPath,
    data_option,
    device_option,
    json_option,
    overrides,
    set_option,
)
from zoo.cli.pages import PAGE, write_page
from zoo.errors import ArchitectureError, Problem

SIDES = ("zoo", "torch")


@click.command()
@click.argument("files", metavar="ARCH.toml...", type=UserPath(), nargs=-1, required=True)
@device_option
@data_option("What to train on")
@click.option("--epochs", type=AtLeast(1), help="Passes over the data.")
@click.option("--seed", type=AtLeast(0), help="Seed of every random draw.")
@click.option(
    "--out",
    "-o",
    type=UserPath(what="folder"),
    help="Folder of all runs; never overwritten, but an interrupted comparison in it goes on.  "
    "[default: compare/<name>-<time>]",
)
@cache_option
@set_option
@json_option
def compare(
    files: tuple[Path, ...],
    device: str,
    data: str | None,
    epochs: int | None,
    seed: int | None,
    out: Path | None,
    cache: Path | None,
    changes: tuple[str, ...],
    as_json: bool,
) -> None:
    """Train each architecture twice, by zoo and by its torch references, side by side.

    Both begin with the same weights and have the same batches, noise, schedule and optimizer. Each
    is an ordinary run, in <name>-zoo and <name>-torch. They train an epoch each in turn, so that
    whatever else the machine does meets both. The first Ctrl-C saves both; the same command with
    --out goes on.
    """
    from zoo.plugins.registry import load_registry

    registry = load_registry()
    pairs = []
    problems: list[Problem] = []
    for file in dict.fromkeys(files):
        try:
            options = [overrides(registry, file, data, epochs, seed, changes, it) for it in SIDES]
            pairs.append([read_architecture(file, registry, changed) for changed in options])
        except ArchitectureError as error:
            problems += error.problems
    if problems:
        raise ArchitectureError(problems)
    from zoo.cli.compare_table import print_comparisons
    from zoo.cli.comparing import COMPARISONS, compare_all
    from zoo.compiler import Compiler  # torch: mistakes are reported before

    same = {"--device": None if device == "auto" else device, "--data": data}
    numbers = {"--epochs": epochs, "--seed": seed}
    given = [(key, f"{it}") for key, it in {**same, **numbers}.items() if it is not None]
    words: list[str | Path] = [*files, *(word for pair in given for word in pair)]
    words += [word for change in changes for word in ("--set", change)]
    words += ["--cache", cache] if cache else []
    with opened_cache(cache, out, COMPARISONS) as pictures:
        compilers = [[Compiler(it, registry, pictures) for it in pair] for pair in pairs]
        comparisons = compare_all(compilers, device, out, words, datetime.now())
    plain = [comparison.to_dict() for comparison in comparisons]
    if as_json:
        print_json({"architectures": plain})
    else:
        print_comparisons(comparisons)
    from zoo.report.compared import compared_page
    from zoo.report.run_files import read_environment
    from zoo.report.trained import trained_section

    runs = [Path(run) for comparison in comparisons for run in comparison.runs.values()]
    resolved = [tomli.loads(own.text) for own, _ in pairs]
    environments = [read_environment(run) for run in runs]
    trained = trained_section(resolved, environments, f"{datetime.now():%Y-%m-%d %H:%M}")
    folder = Path(comparisons[0].runs[SIDES[0]]).parent
    write_page(folder / PAGE, compared_page(trained, plain))
