"""``zoo run``: check, compile, train, checkpoint, evaluate."""

from __future__ import annotations

import os
from datetime import datetime
from functools import partial
from pathlib import Path

import click
from click.core import ParameterSource

from zoo.cli.caching import cache_option, opened_cache
from zoo.cli.options import AtLeast, UserPath, data_option, device_option, overrides, set_option
from zoo.distributed.launch import launched, refuse
from zoo.errors import UsageError


@click.command()
@click.argument("architecture", metavar="ARCH.toml", type=UserPath(), required=False)
@device_option
@data_option("What to train on")
@click.option("--epochs", type=AtLeast(1), help="Passes over the data.")
@click.option("--seed", type=AtLeast(0), help="Seed of every random draw.")
@click.option(
    "--out",
    type=UserPath(what="folder"),
    help="Folder of the run; never overwritten.  [default: runs/<name>-<time>]",
)
@cache_option
@click.option("--resume", is_flag=True, help="Go on with the run in --out, or with the latest.")
@click.option(
    "--weights",
    metavar="MODEL",
    type=UserPath(text=True),
    help="Start from the weights of a run, a checkpoint or an installed model of the same layers.",
)
@click.option(
    "--backend",
    metavar="zoo|torch",
    help="What trains: zoo's own layers, or their references in torch.nn and torch.optim.",
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
@click.option(
    "--tensorboard",
    is_flag=True,
    help="Write the folder tensorboard in that of the run, which TensorBoard shows.",
)
@click.option(
    "--replay",
    metavar="FILE",
    type=UserPath(),
    help="Repeat the step in which a run diverged, layer by layer: its diverged.pkl.",
)
@click.option(
    "--rank-timeout",
    metavar="SECONDS",
    type=AtLeast(1),
    default=120,
    show_default=True,
    help="Under torchrun, how long a process is waited for that does not answer.",
)
@set_option
def run(
    architecture: Path | None,
    device: str,
    data: str | None,
    epochs: int | None,
    seed: int | None,
    out: Path | None,
    cache: Path | None,
    resume: bool,
    weights: str | None,
    backend: str | None,
    strict_data: bool,
    allow_correlated: bool,
    deterministic: bool,
    tensorboard: bool,
    replay: Path | None,
    rank_timeout: int,
    changes: tuple[str, ...],
) -> None:
    """Train a denoiser from an architecture file, checkpoint it and evaluate it.

    The first Ctrl-C finishes the step, saves and stops; --resume then goes on exactly there.
    """
    launch = launched(os.environ)
    if replay is not None:
        refuse(launch, f"--replay {replay}", "Repeat a step by one process.")
        _replay(replay, device)
        return
    if architecture is None:
        raise click.MissingParameter(
            param_hint="'ARCH.toml'", param_type="argument", ctx=click.get_current_context()
        )
    if resume and weights is not None:
        raise UsageError(
            f"--weights {weights}: a resumed run has weights of its own. Use it without --resume."
        )
    from zoo.architecture import read_architecture
    from zoo.plugins.registry import load_registry

    registry = load_registry()
    options = overrides(registry, architecture, data, epochs, seed, changes, backend)
    spec = read_architecture(architecture, registry, options)
    if spec.train.backend != "zoo":
        refuse(launch, f"--backend {spec.train.backend}", "Train by torch.nn in one process.")
    from zoo.cli.checked_data import check_data
    from zoo.cli.training import train
    from zoo.compiler import Compiler  # torch, which takes a while: mistakes are reported before
    from zoo.train.run_directory import RUNS

    if deterministic:
        from zoo.train.device import be_deterministic

        be_deterministic()
    check = partial(check_data, strict=strict_data, allow_correlated=allow_correlated)
    now = datetime.now()
    with opened_cache(cache, out, RUNS) as pictures:
        train(
            Compiler(spec, registry, pictures),
            device,
            out,
            resume,
            weights,
            check,
            now,
            tensorboard=tensorboard,
            launch=launch,
            rank_timeout=rank_timeout,
        )


def _replay(bundle: Path, device: str) -> None:
    """Repeat the step of a ``diverged.pkl``; other options have no meaning for it.

    Raises:
        UsageError: others are given.
    """
    context = click.get_current_context()
    given = [
        parameter.opts[0] if parameter.param_type_name == "option" else "ARCH.toml"
        for parameter in context.command.params
        if parameter.name not in ("replay", "device", None)
        and context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
        and context.params.get(parameter.name or "") not in (None, ())
    ]
    if given:
        raise UsageError(f"--replay {bundle}: takes no {given[0]}. Use it alone, or with --device.")
    from zoo.plugins.registry import load_registry

    registry = load_registry()
    from zoo.cli.replay import print_replay  # torch

    print_replay(bundle, registry, device)
