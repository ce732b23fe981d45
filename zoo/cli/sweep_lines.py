"""The lines of ``zoo sweep`` beside its tables: what is to be done, and each run that has ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from zoo.cli.console import count_of
from zoo.cli.shard import Shard
from zoo.cli.streams import say
from zoo.sweep.cells import Cell, ResultTable, Setting, repeated
from zoo.sweep.folder import SweepFolder
from zoo.sweep.results import Result
from zoo.sweep.work import Outcome, ended_before


@dataclass
class Show:
    """What is known of the cells, and the lines about them.

    Attributes:
        folder: of the sweep.
        cells: all, with the settings that they are of.
        results, failures: of those that have ended, by their names.
        lost: how many failed that the same command tries again.
        code: the exit code of the first of these.
    """

    folder: SweepFolder
    cells: Sequence[tuple[Setting, Cell]]
    results: dict[str, Result] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    lost: int = 0
    code: int = 0

    def look(self) -> list[Cell]:
        """Take in what has ended meanwhile; the cells that are left."""
        left = []
        for _, cell in self.cells:
            if cell.name in self.results or cell.name in self.failures:
                continue
            outcome = ended_before(self.folder, cell)
            if outcome is None:
                left.append(cell)
            else:
                self._keep(outcome)
        return left

    def report(self, outcome: Outcome) -> None:
        """Take in a cell that has ended, and print its line."""
        self._keep(outcome)
        done = len(self.results) + len(self.failures)
        setting = next(setting for setting, cell in self.cells if cell.name == outcome.cell.name)
        head = f"{done} of {len(self.cells)}  {setting.label}, seed {outcome.cell.seed}: "
        if outcome.result is None:
            say(f"{head}{outcome.reason}")
        else:
            say(f"{head}{outcome.result.psnr:.2f} dB in {outcome.result.seconds:.0f} s")

    def _keep(self, outcome: Outcome) -> None:
        if outcome.result is None:
            self.failures[outcome.cell.name] = outcome.reason
            self.code = self.code or outcome.code
            self.lost += bool(outcome.code)
        else:
            self.results[outcome.cell.name] = outcome.result


def say_repeated(tables: Iterable[ResultTable]) -> None:
    """Name the settings that are the same as one before."""
    for table in tables:
        for label, before in repeated(table).items():
            say(f"{table.name}: {label} is the same network and training as {before}")


def say_unbuilt(tables: Iterable[ResultTable]) -> None:
    """How many settings; their reasons are with the tables."""
    if number := sum(bool(setting.reason) for table in tables for setting in table.settings):
        say(f"{count_of('setting', number)} cannot be built")


def start_line(
    folder: SweepFolder,
    cells: Sequence[tuple[Setting, Cell]],
    left: Sequence[Cell],
    how: str,
    shard: Shard | None,
) -> str:
    """What is left to be done.

    Args:
        folder, cells: of the sweep.
        left: of the cells.
        how: they are trained, "" where they are not.
        shard: what of the cells is left by this command.
    """
    of_shard = "" if shard is None else f" in shard {shard}"
    if not left:
        return f"sweep: {folder.path}: no runs left of {len(cells)}{of_shard}"
    how = f", {how}" if how else ""
    return f"sweep: {folder.path}: {len(left)} of {len(cells)} runs left{of_shard}{how}"
