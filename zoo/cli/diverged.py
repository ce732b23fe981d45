"""What to type after a run has diverged; imports torch."""

from __future__ import annotations

from zoo.cli.console import shell_command
from zoo.errors import DivergenceError
from zoo.train.run_directory import RunDirectory


def what_to_do(error: DivergenceError, directory: RunDirectory, device: str) -> DivergenceError:
    """The error with the commands that look at the step, and that go on.

    Args:
        error: as the trainer raised it.
        directory: of the run.
        device: as the option.
    """
    lines = list(map(str, error.args))
    options = [] if device == "auto" else ["--device", device]
    if error.bundle:
        look = shell_command("zoo", "run", "--replay", error.bundle, *options)
        lines.append(f"  Look at the step: {look}")
    file, folder = directory.path / "architecture.toml", directory.path
    step = directory.load_newest()[0]["progress"]["step"]
    path, of_step, largest = error.go_on_from
    able = path == str(directory.last)
    kept = f"  {directory.last} is of step {step}, all finite, and is kept"
    if not able:
        kept += f", but cannot train: its largest weight is {largest:.3g}"
    weights = ["--weights", folder if able else path] if path else []
    lower = [] if error.lr is None else ["--set", f"optimizer.lr={error.lr:.1g}"]
    if error.lr is None:  # the data are at fault, and a run does not go on with others
        of = "it" if able else f"step {of_step}"
        lead, on = f"When the data are mended, start from {of}", [*options, *weights]
    elif able:
        lead, on = "Go on", ["--out", folder, *options, "--resume", *lower]
    else:
        lead, on = f"Start a new run from step {of_step}", [*options, *weights, *lower]
    command = shell_command("zoo", "run", file, *on)
    lines.append(f"{kept}. {lead}: {command}")
    return DivergenceError(*lines)
