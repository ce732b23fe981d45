"""``zoo evaluate``: metrics of a trained model."""

from __future__ import annotations

import click

from zoo.cli.console import print_json, print_table, warn
from zoo.cli.options import data_option, device_option, json_option, source_table


@click.command()
@click.argument("model", metavar="MODEL")
@data_option("What to evaluate on; by default what the run held out")
@device_option
@json_option
def evaluate(model: str, data: str | None, device: str, as_json: bool) -> None:
    """Evaluate a trained model: both PSNRs, SSIM, and classical methods beside it.

    MODEL is a run's folder, a checkpoint, or the name of an installed model ("zoo models"). It is
    rebuilt from the checkpoint alone; of a run's folder that is best.pkl. Clean images get the
    noise of the architecture's data.evaluation_noise.
    """
    import torch

    from zoo.architecture.component import build_component
    from zoo.cli.progress import EvaluationProgress
    from zoo.cli.tables import evaluation_table
    from zoo.plugins.registry import load_registry
    from zoo.train.device import choose_device, device_name
    from zoo.train.evaluation import evaluate as measure
    from zoo.train.find_model import find_model
    from zoo.train.session import load_evaluation_data, load_trained

    registry = load_registry()
    target = choose_device(device)
    found = find_model(model, registry)
    compiler, network = load_trained(found.path, registry, warn)
    source = None
    if data is not None:
        source = build_component("source", source_table(registry, data), registry)
    images = load_evaluation_data(compiler, source)
    if not as_json:
        click.echo(f"device: {device_name(target)}")
        click.echo(f"model: {compiler.architecture.name}, {found.path}")
    progress = EvaluationProgress(len(images), quiet=as_json)
    with torch.no_grad(), progress.bar:
        result = measure(network.to(target), images, target, progress.on_image)
    if as_json:
        precision = compiler.architecture.train.precision
        print_json(result.to_dict(data or "held out", found.weights, precision))
    else:
        print_table(evaluation_table(result))
