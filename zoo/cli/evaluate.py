"""``zoo evaluate``: metrics of a trained model."""

from __future__ import annotations

from pathlib import Path

import click

from zoo.cli.caching import cache_option, opened_cache, say_unused
from zoo.cli.console import print_json, print_table, warn
from zoo.cli.options import (
    Sigmas,
    UserPath,
    data_option,
    device_option,
    json_option,
    refuse_the_model,
    source_components,
)
from zoo.cli.streams import say, work_counts
from zoo.errors import UsageError
from zoo.files import create_text, require_folder, write_text


@click.command()
@click.argument("model", metavar="MODEL", type=UserPath(text=True))
@data_option(
    "What to evaluate on; by default what the run held out; can be repeated", multiple=True
)
@click.option(
    "--sigma",
    "sigmas",
    type=Sigmas(),
    default=(),
    metavar="N,...",
    help="Add gaussian noise of these standard deviations, in grey levels of 255, to clean images "
    "instead of the architecture's data.evaluation_noise.",
)
@click.option(
    "--methods",
    default="blur,nlm",
    metavar="NAME,...",
    show_default=True,
    help="What to set beside the noisy input and the model: blur (a gaussian filter), nlm "
    "(non-local means, slow on large images), or none.",
)
@click.option(
    "--csv",
    "csv_file",
    metavar="FILE",
    type=UserPath(),
    help="Write the figures of every image and method there.",
)
@click.option("--overwrite", is_flag=True, help="Replace the file of --csv if it is there.")
@click.option(
    "--save-images",
    "folder",
    metavar="DIR",
    type=UserPath(),
    help="Write the noisy, denoised and clean images as PNG files into a new folder.",
)
@cache_option
@device_option
@json_option
def evaluate(
    model: str,
    data: tuple[str, ...],
    sigmas: tuple[float, ...],
    methods: str,
    csv_file: Path | None,
    overwrite: bool,
    folder: Path | None,
    cache: Path | None,
    device: str,
    as_json: bool,
) -> None:
    """Evaluate a trained model: both PSNRs, SSIM, and classical methods beside it.

    MODEL is a run's folder, of which best.pkl is taken, a checkpoint, or the name of an installed
    model. It is rebuilt from the checkpoint alone. Clean images get the noise of the architecture's
    data.evaluation_noise unless there is --sigma; pairs are taken as they are.
    """
    if not as_json and (csv_file or folder):
        work_counts()
    import torch

    from zoo.cli.measured_on import doubts, what_is_measured
    from zoo.cli.progress import EvaluationProgress
    from zoo.cli.tables import results_table
    from zoo.plugins.registry import load_registry
    from zoo.train.baselines import choose_baselines
    from zoo.train.checkpoint import load_checkpoint
    from zoo.train.device import choose_device, device_name
    from zoo.train.evaluation_files import ImageFolder, csv_text, require_free_folder
    from zoo.train.evaluation_sets import HELD_OUT, evaluate_sets, load_evaluation_sets
    from zoo.train.find_model import find_model
    from zoo.train.run_images import record_in
    from zoo.train.session import rebuild

    registry = load_registry()
    target = choose_device(device)
    baselines = choose_baselines(methods)
    if csv_file is not None:
        _require_free(csv_file, overwrite)
    if folder is not None:
        require_free_folder(folder)
    sources = source_components(registry, data)
    found = find_model(model, registry)
    refuse_the_model(found.path, filter(None, [csv_file]))
    content = load_checkpoint(found.path)
    compiler, network = rebuild(found.path, content, registry, warn)
    record = record_in(content)
    with opened_cache(cache) as pictures:
        compiler.picture_cache = pictures
        sets = load_evaluation_sets(
            compiler, found.path, record, sources or {HELD_OUT: None}, sigmas, warn
        )
    say_unused(pictures)
    for doubt in doubts(sets, sources, compiler.architecture):
        warn(doubt)
    images = None if folder is None else ImageFolder(folder, several=len(sets) > 1)
    if not as_json:
        say(f"device: {device_name(target)}")
        say(f"model: {compiler.architecture.name}, {found.path}")
    progress = EvaluationProgress(sum(map(len, sets)), quiet=as_json)
    with torch.no_grad(), progress.bar:
        results = evaluate_sets(
            compiler,
            network.to(target),
            sets,
            target,
            baselines=baselines,
            on_image=progress.advance,
            on_output=images.write if images else None,
        )
    compiler.check_pictures()
    try:
        if csv_file is not None:
            _write(csv_file, csv_text(found.name, results), overwrite)
    finally:  # what was measured is not lost where the file cannot be written
        if as_json:
            precision = compiler.architecture.train.precision
            contents = [result.to_dict(found.weights, precision) for result in results]
            print_json(contents[0] if len(contents) == 1 else {"sources": contents})
        else:
            for result in results:
                say(what_is_measured(result, compiler.architecture))
            print_table(results_table(results))


def _require_free(path: Path, overwrite: bool) -> None:
    """Refuse, before hours of work, a file that cannot be written at their end.

    Raises:
        UsageError: something is at ``path``, or its folder is not there.
    """
    if path.is_dir() or (path.exists() and not overwrite):
        raise _taken(path)
    require_folder(f"--csv {path}", path)


def _taken(path: Path) -> UsageError:
    return UsageError(f"--csv {path}: already there. Use another name, or --overwrite for a file.")


def _write(path: Path, text: str, overwrite: bool) -> None:
    if overwrite:
        write_text(path, text)
        return
    try:
        create_text(path, text)
    except FileExistsError:  # made while the model was evaluated
        raise _taken(path) from None
