"""What ``zoo compare`` does once its architectures are read; imports torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import torch

from zoo.architecture import Architecture
from zoo.cli.checked_data import check_data
from zoo.cli.console import shell_command, warn, warn_of_failures
from zoo.cli.diverged import what_to_do
from zoo.cli.preparing import TITLES, announce, check_references, new, resumed, write_beginning
from zoo.cli.progress import TrainingProgress
from zoo.cli.streams import say, work_counts
from zoo.cli.training import evaluate_run
from zoo.compiler import Compiler
from zoo.data.cache.opened import ChangedError
from zoo.data.sets import Images
from zoo.data.stored import LostError
from zoo.errors import DataError, DivergenceError, Stopped, UsageError, listed
from zoo.files import remove_if_empty, removed_if_empty
from zoo.torch_backend.comparison import BACKENDS, Comparison, epochs_of
from zoo.train.device import choose_device
from zoo.train.precision import check_precision
from zoo.train.random_state import random_state, set_random_state
from zoo.train.run_directory import RunDirectory, new_run_directory, open_run
from zoo.train.signals import StopRequest

COMPARISONS = "compare"  # where the folders of comparisons are without --out
Pair = Sequence[Compiler]  # of one file, by each of BACKENDS


def compare_all(
    pairs: Sequence[Pair],
    device_option: str,
    out: Path | None,
    words: Sequence[str | Path],
    now: datetime,
) -> list[Comparison]:
    """Train and evaluate each architecture by both backends; see ``zoo compare --help``.

    Args:
        pairs: of the architectures.
        device_option, out: as the options.
        words: what follows ``zoo compare`` but ``--out``, to go on.
        now: the time, which names the folder.
    """
    work_counts()
    device = choose_device(device_option)
    for own, other in pairs:
        check_precision(own.architecture, device)
        check_references(other)
    warn_of_failures(pairs[0][0].registry)
    with removed_if_empty(out or Path(COMPARISONS)):
        folder = _folder(out, pairs, now)
        command = shell_command("zoo", "compare", *words, "--out", folder)
        try:
            with torch.no_grad():
                return [
                    _compare(it, device, device_option, folder, command, it is pairs[0])
                    for it in pairs
                ]
        finally:
            remove_if_empty(folder)


def _folder(out: Path | None, pairs: Sequence[Pair], now: datetime) -> Path:
    """The folder of all runs, new or that of a comparison to go on with.

    Raises:
        UsageError: two architectures have one name; or ``out`` has something else in it, or cannot
            be made.
    """
    names = [own.architecture.name for own, _ in pairs]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UsageError(
            f"zoo compare: two files have the name {twice[0]!r}. Give each a name of its own."
        )
    runs = [] if out is None else [_run(out, name, it) for name in names for it in BACKENDS]
    if any(run.is_dir() for run in runs):
        assert out is not None
        return out
    if out is not None and out.exists() and not (out.is_dir() and RunDirectory(out).has_nothing):
        raise UsageError(
            f"--out {out}: already there, and no comparison of {listed(names)}. Use another folder."
        )
    return new_run_directory(out, names[0], now, COMPARISONS).path


def _run(folder: Path, name: str, backend: str) -> Path:
    return folder / f"{name}-{backend}"


class _Side:
    """The run of one backend.

    Args:
        compiler: of its architecture.
        device: where it trains.
        directory: its folder.
        told: the warnings that were said already, of the other side too.
    """

    def __init__(
        self,
        compiler: Compiler,
        device: torch.device,
        directory: RunDirectory,
        told: set[str],
    ) -> None:
        self.directory, self.registry, self._told = directory, compiler.registry, told
        self.title = TITLES[compiler.architecture.train.backend]
        if directory.has_checkpoint:
            say(f"{self.title}: {directory.path}")
            self.trainer, self.data = resumed(compiler, directory, device)
        else:
            self.trainer, self.data = new(compiler, None, device, self._check)
            self.trainer.save(directory)
        for remark in self.data.remarks:
            self.warn(remark)
        write_beginning(directory, self.trainer, self.data)
        self.before = self.trainer.progress.epoch
        self._random = random_state(device)  # of layers that draw by torch's own generators

    def _check(self, spec: Architecture, images: Images, *, warn: object) -> None:
        """Look at the images, of which both sides have the same to say."""
        check_data(spec, images, strict=False, allow_correlated=False, warn=self.warn)

    def epochs(self, stop: StopRequest) -> Iterator[None]:
        """Train, and come back after each epoch; what is drawn does not depend on the other."""
        progress = _Progress(self)
        epochs = self.trainer.epochs(self.directory, progress, stop)
        while not self.trainer.is_finished:
            set_random_state(self._random, self.trainer.device)
            with progress.bar:
                next(epochs, None)
            self._random = random_state(self.trainer.device)
            yield

    def warn(self, message: str) -> None:
        """Warn of what the other side has not warned of."""
        if message not in self._told:
            self._told.add(message)
            warn(f"{self.directory.path.name}: {message}")

    def psnr(self, stop: StopRequest) -> float:
        """That of the evaluation of the best weights, in dB."""
        evaluation, messages = evaluate_run(
            self.registry, self.directory, self.data, self.trainer, stop
        )
        for message in messages:
            self.warn(message)
        return evaluation.model.psnr


class _Progress(TrainingProgress):
    """Shows one of two sides, whose warnings are said once."""

    def __init__(self, side: _Side) -> None:
        super().__init__(side.trainer, title=f"{side.title:<{max(map(len, TITLES.values()))}}  ")
        self.side = side

    def on_warning(self, message: str) -> None:
        """Print a warning above the bar."""
        self.side.warn(message)


def _compare(
    pair: Pair,
    device: torch.device,
    device_option: str,
    folder: Path,
    command: str,
    first: bool,
) -> Comparison:
    """Train and evaluate one architecture by both backends.

    Args:
        pair: the architecture, by each of them.
        device, device_option: of all.
        folder: of all runs.
        command: what goes on with it.
        first: whether it is the first, of which both sides are ready when the folder is named.

    Raises:
        DataError: the images do not do for it; names its file.
    """
    told: set[str] = set()
    with ExitStack() as stack:
        sides = []
        for compiler in pair:
            spec = compiler.architecture
            path = _run(folder, spec.name, spec.train.backend)
            opened = open_run(path, spec.name, datetime.now(), resume=path.is_dir())
            directory = stack.enter_context(opened)
            try:
                sides.append(_Side(compiler, device, directory, told))
            except DataError as error:
                raise DataError(f"{spec.file}: {error}") from error
        if first:
            say(f"comparison: {folder}")
        announce(sides[0].trainer, sides[0].data)
        stop = stack.enter_context(StopRequest())
        try:
            _train(sides, stop, device_option)
            psnr = [side.psnr(stop) for side in sides]
        except Stopped as stopped:
            raise Stopped(f"{stopped}. Go on with: {command}", stopped.signal) from None
        except (LostError, ChangedError) as error:
            raise DataError(f"{error} Go on with: {command}") from None
    runs = zip(BACKENDS, sides, strict=True)
    return Comparison(
        name=pair[0].architecture.name,
        parameters=pair[0].architecture.shapes.info.parameters,
        epochs=epochs_of({name: side.trainer.metrics for name, side in runs}),
        psnr=dict(zip(BACKENDS, psnr, strict=True)),
        runs={name: str(_run(folder, pair[0].architecture.name, name)) for name in BACKENDS},
        elsewhere=max(side.before for side in sides),
    )


def _train(sides: Sequence[_Side], stop: StopRequest, device: str) -> None:
    """An epoch of each side in turn; which begins changes from epoch to epoch.

    Raises:
        Stopped: a stop was requested; both are saved.
        DivergenceError: one has diverged.
    """
    turns = {side: side.epochs(stop) for side in sides}
    while unfinished := [side for side in sides if not side.trainer.is_finished]:
        epoch = min(side.trainer.progress.epoch for side in unfinished)
        for side in unfinished if epoch % 2 == 0 else reversed(unfinished):
            if side.trainer.progress.epoch == epoch:
                try:
                    next(turns[side], None)
                except DivergenceError as error:
                    raise what_to_do(error, side.directory, device) from None
