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
    if error.lr is None:  # the data are at fault, and a run does not go on with others
        command = shell_command("zoo", "run", file, *options, "--weights", folder)
        go_on = f"When the data are mended, start from it: {command}"
    else:
        lower = ("--set", f"optimizer.lr={error.lr:.1g}")
        command = shell_command("zoo", "run", file, "--out", folder, *options, "--resume", *lower)
        go_on = f"Go on: {command}"
    lines.append(f"  {directory.last} is of step {step}, all finite, and is kept. {go_on}")
    return DivergenceError(*lines)
