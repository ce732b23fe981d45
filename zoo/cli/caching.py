"""The option ``--cache``: where decoded pictures are kept, and how filling it is shown."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from zoo.cli.options import UserPath
from zoo.cli.streams import say
from zoo.errors import UsageError

if TYPE_CHECKING:
    from zoo.data.cache.cache import PictureCache

SECONDS_BETWEEN_LINES = 30
SECONDS_UNTIL_SHOWN = 1  # a cache that is full is read in less

cache_option = click.option(
    "--cache",
    metavar="DIR",
    type=UserPath(what="folder"),
    help="Keep decoded pictures in that folder, and read crops of them there: they need not fit "
    "into memory, and are decoded once.",
)


class CacheProgress:
    """Shows how many pictures are in the cache: a bar on a terminal, plain lines elsewhere."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.done = self.total = 0
        console = Console()
        self.terminal = console.is_terminal
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not self.terminal,
            transient=True,
        )
        self.task = self.bar.add_task("pictures", start=False)
        self.started = self.shown = time.monotonic()

    @property
    def fills(self) -> bool:
        """Whether pictures are still to be decoded."""
        return 0 < self.done < self.total

    def on_picture(self, done: int, total: int) -> None:
        """So many pictures are there; at ``total`` the bar is gone."""
        now = time.monotonic()
        if done <= self.done or total != self.total:
            self.started = self.shown = now
        self.done, self.total = done, total
        if done == total:
            self.bar.stop()
        elif now > self.started + SECONDS_UNTIL_SHOWN:
            self.bar.start()
            self.bar.start_task(self.task)
            self.bar.update(self.task, completed=done, total=total)
            if not self.terminal and now > self.shown + SECONDS_BETWEEN_LINES:
                self.shown = now
                say(f"cache: {done:,} of {total:,} picture files")


def check_cache(folder: Path, out: Path | None, without_out: str = "") -> None:
    """Refuse a folder that cannot be that of a cache; nothing is made.

    Args:
        folder: of ``--cache``.
        out: of ``--out``; None for none.
        without_out: the folder of runs that have no ``--out``; "" for none.

    Raises:
        UsageError: it has other files in it, cannot be made or written in, or is, is in or holds
            the folder of a run.
    """
    from zoo.data.cache.folder import check_folder

    of_runs = {f"of --out {out}": out, f"{without_out} of runs without --out": without_out or None}
    for which, its in of_runs.items():
        if its is None:
            continue
        paths = [Path(os.path.realpath(path)) for path in (folder, its)]
        if paths[0].is_relative_to(paths[1]) or paths[1].is_relative_to(paths[0]):
            raise UsageError(
                f"--cache {folder}: is the folder {which}, in it or around it. Use a folder of its "
                "own."
            )
    check_folder(folder)


def say_unused(pictures: PictureCache | None) -> None:
    """Say that the images come from elsewhere, where no source has read pictures from the cache."""
    if pictures is not None and not pictures.is_used:
        say(
            f"--cache {pictures.folder}: is not used: these images are no picture files, or their "
            "source takes no cache",
            err=True,
        )


@contextmanager
def opened_cache(
    folder: Path | None, out: Path | None = None, without_out: str = ""
) -> Iterator[PictureCache | None]:
    """The cache in a folder, or None for none; a stop while it is filled says how to go on.

    Args:
        folder: of ``--cache``.
        out, without_out: as of :func:`check_cache`.

    Raises:
        UsageError: as of :func:`check_cache`.
    """
    if folder is None:
        yield None
        return
    check_cache(folder, out, without_out)
    from zoo.data.cache.cache import PictureCache

    progress = CacheProgress(folder)
    try:
        yield PictureCache(folder, progress.on_picture)
    except KeyboardInterrupt:
        if progress.fills:
            progress.bar.stop()
            say(
                f"stopped while pictures were decoded: {progress.done:,} of {progress.total:,} "
                f"files are in {folder}, and the same command goes on with the others",
                err=True,
            )
        raise
    finally:
        progress.bar.stop()
