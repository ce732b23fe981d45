"""``zoo run``: check, compile, train, checkpoint, evaluate."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path

import click

from zoo.cli.options import AtLeast, UserPath, data_option, device_option, overrides, set_option
from zoo.errors import UsageError


@click.command()
@click.argument("architecture", metavar="ARCH.toml", type=UserPath())
@device_option
@data_option("What to train on")
@click.option("--epochs", type=AtLeast(1), help="Passes over the data.")
@click.option("--seed", type=AtLeast(0), help="Seed of every random draw.")
@click.option(
    "--out",
    type=UserPath(),
    help="Folder of the run; never overwritten.  [default: runs/<name>-<time>]",
)
@click.option("--resume", is_flag=True, help="Go on with the run in --out, or with the latest.")
@click.option(
    "--weights",
    metavar="MODEL",
    type=UserPath(text=True),
    help="Start from the weights of a run, a checkpoint or an installed model of the same layers.",
)
@click.option("--strict-data", is_flag=True, help="Refuse data with anything wrong with them.")
@click.option(
    "--allow-correlated",
    is_flag=True,
    help="Train on single noisy pictures whose noise neighbouring pixels share.",
)
@click.option(
    "--deterministic",
    is_flag=True,
    help="On a GPU too, only algorithms that give the same bits each time.",
)
@set_option
def run(
    architecture: Path,
    device: str,
    data: str | None,
    epochs: int | None,
    seed: int | None,
    out: Path | None,
    resume: bool,
    weights: str | None,
    strict_data: bool,
    allow_correlated: bool,
    deterministic: bool,
    changes: tuple[str, ...],
) -> None:
    """Train a denoiser from an architecture file, checkpoint it and evaluate it.

    The first Ctrl-C finishes the step, saves and stops; --resume then goes on exactly there.
    """
    if resume and weights is not None:
        raise UsageError(
            f"--weights {weights}: a resumed run has weights of its own. Use it without --resume."
        )
    from zoo.architecture import read_architecture
    from zoo.plugins.registry import load_registry

    registry = load_registry()
    spec = read_architecture(
        architecture, registry, overrides(registry, architecture, data, epochs, seed, changes)
    )
    from zoo.cli.checked_data import check_data
    from zoo.cli.training import train  # torch, which takes a while: mistakes are reported before

    if deterministic:
        from zoo.train.device import be_deterministic

        be_deterministic()
    check = partial(check_data, strict=strict_data, allow_correlated=allow_correlated)
    train(spec, registry, device, out, resume, weights, check, datetime.now())
