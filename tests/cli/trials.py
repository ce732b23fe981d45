"""Runs that a fault ends, each in a process of its own, and what is left of them.

Started as a program: ``python -m tests.cli.trials BASE TRIALS.json``. It imports zoo once and forks
a process for each command, which takes a tenth of the time. Every operation on a file in the run's
folder is counted; at one of them the process is killed, or the operation fails.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = "run"
LINUX = sys.platform == "linux"
WHOLE = "every"  # operation, one after the other
OPERATIONS = ("open", "fsync", "replace", "rename", "link", "unlink", "mkdir", "rmdir")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


@dataclass
class Fault:
    """What happens at an operation.

    Args:
        at: at which, from 1 on; 0 for none.
        kind: ``kill`` before it, ``killed`` after it, the name of another signal, which comes
            before it, or that of an errno.
        stays: whether all operations from there on fail, as on a disk that is full.
    """

    at: int = 0
    kind: str = "kill"
    stays: bool = False
    count: int = 0

    def around(self, operate: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        self.count += 1
        here = self.count == self.at or (self.stays and 0 < self.at < self.count)
        if here and self.kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if here and self.kind.startswith("SIG"):
            os.kill(os.getpid(), getattr(signal, self.kind))
            return operate(*arguments, **options)
        if here and self.kind.startswith("E"):
            import errno

            number = getattr(errno, self.kind)
            raise OSError(number, os.strerror(number), str(arguments[0]))
        try:
            return operate(*arguments, **options)
        finally:
            if here:
                os.kill(os.getpid(), signal.SIGKILL)


def plant(fault: Fault, folder: Path) -> None:
    """Have the fault happen in this process."""
    inside = f"{folder}{os.sep}"

    def is_inside(where: Any) -> bool:
        path = Path(f"/proc/self/fd/{where}").readlink() if isinstance(where, int) else Path(where)
        return f"{Path.cwd() / path}{os.sep}".startswith(inside)

    def planted(name: str, operate: Callable[..., Any]) -> Callable[..., Any]:
        def run(where: Any, *arguments: Any, **options: Any) -> Any:
            reading = name == "open" and not (arguments and arguments[0] & WRITING)
            if reading or not is_inside(where):
                return operate(where, *arguments, **options)
            return fault.around(operate, where, *arguments, **options)

        return run

    class Stream(io.BufferedRandom):
        def write(self, content: Any) -> int:
            written: int = fault.around(super().write, content)
            return written

    open_file = io.open

    def opened(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if mode == "r+b" and is_inside(file):
            return Stream(io.FileIO(file, mode))
        return open_file(file, mode, *arguments, **options)

    for name in OPERATIONS:
        setattr(os, name, planted(name, getattr(os, name)))
    io.open = opened  # type: ignore[assignment]


def run(words: list[str], folder: Path, fault: Fault) -> dict[str, Any]:
    """Run a command in a process; its exit code, what it said and how many operations it did."""
    out, err, count = (folder.with_name(f"{name}.txt") for name in ("out", "err", "count"))
    process = os.fork()
    if process == 0:
        for path, descriptor in ((out, 1), (err, 2)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
        plant(fault, folder)
        code = 1
        try:
            sys.argv = ["zoo", *words]
            from zoo.cli.main import main

            main()
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            count.write_text(str(fault.count))
            os._exit(code)
    _, status = os.waitpid(process, 0)
    return {
        "code": os.waitstatus_to_exitcode(status),
        "out": out.read_text(),
        "err": err.read_text(),
        "count": int(count.read_text()) if count.exists() else 0,
    }


def state(folder: Path) -> dict[str, Any]:
    """All that a run has computed, without times."""
    import torch

    def plain(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return value.double().flatten().tolist()  # which holds float32 exactly
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items() if key != "seconds"}
        return [plain(item) for item in value] if isinstance(value, list) else value

    found = {}
    for name in ("last.pkl", "best.pkl"):
        content = torch.load(folder / name, weights_only=True)
        found[name] = {
            key: plain(content[key]) for key in ("model", "optimizer", "progress", "rng", "metrics")
        }
    metrics = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    found["metrics"] = plain(metrics)
    found["statistics"] = (folder / "statistics.jsonl").read_text()
    found["evaluation"] = json.loads((folder / "evaluation.json").read_text())
    return found


def each(trials: list[dict[str, Any]], operations: int) -> Iterator[dict[str, Any]]:
    """The trials with the number of the operation, for a part of all, or for ``WHOLE``."""
    for trial in trials:
        if trial["at"] == WHOLE:
            yield from ({**trial, "at": at} for at in range(1, operations + 1))
        else:
            yield {**trial, "at": 1 + int(trial["at"] * operations)}


def main_of_trials(base: Path, trials: Path) -> None:
    import torch  # before the forks; nothing is computed here, so that no thread is lost

    import zoo.cli.training  # noqa: F401

    torch.set_num_threads(1)
    folder = base / FOLDER
    os.chdir(base)
    words = ["run", "tiny.toml", "--out", FOLDER]
    whole = run(words, folder, Fault())
    assert whole["code"] == 0, whole
    expected = state(folder)
    found = []
    for trial in each(json.loads(trials.read_text()), whole["count"]):
        shutil.rmtree(folder)
        ended = run(words, folder, Fault(**trial))
        resume = ["--resume"] if folder.exists() else []
        resumed = run([*words, *resume], folder, Fault())
        same = resumed["code"] == 0 and state(folder) == expected
        left = [
            it.name
            for it in folder.rglob("*")
            if it.name.startswith(".zoo") or it.name == "run.lock"
        ]
        found.append({**trial, "ended": ended, "resumed": resumed, "same": same, "left": left})
    print(json.dumps(found))


if __name__ == "__main__":
    main_of_trials(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
