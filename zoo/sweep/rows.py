"""The rows of a table: each setting's results over its seeds, and which is told apart as best."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from zoo.sweep.cells import ResultTable, Setting
from zoo.sweep.results import Result

NOISE = 2.0  # standard errors by which a mean must exceed another
NOISY = "noisy input"  # the row of the images before they are denoised
SAME = 0.05  # dB; noisy inputs of one seed that differ by more are not one row


@dataclass(frozen=True)
class Statistic:
    """The mean of some numbers, and their standard deviation (n - 1).

    That is None for a single one, and where one is infinite.
    """

    mean: float
    deviation: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Statistic:
        """That of one or more numbers."""
        spread = len(values) > 1 and all(map(math.isfinite, values))
        return cls(fmean(values), stdev(values) if spread else None)


@dataclass(frozen=True)
class Remark:
    """What was said of a setting's runs.

    Attributes:
        seeds: of the runs.
        text: of the remark.
    """

    seeds: tuple[int, ...]
    text: str

    def __str__(self) -> str:
        plural = "s" if len(self.seeds) > 1 else ""
        return f"seed{plural} {', '.join(map(str, self.seeds))}: {self.text}"


@dataclass(frozen=True)
class Row:
    """One setting of a table, or the noisy input that it is to exceed.

    Attributes:
        setting: which; None for one that is only published, and for the noisy input.
        label: what it is called.
        seeds: how many it is trained with.
        results: of those that are finished, in the order of the seeds.
        state: "cannot be built", "failed", "not finished" or "only published"; "" where
            nothing is amiss.
        reason: what more there is to say of that, else "".
        published: what was published for it, else "".
        known: the PSNR of a row that has no results, the noisy input.
        remarks: what was said of its runs, each once.
    """

    setting: Setting | None
    label: str
    seeds: int
    results: tuple[Result, ...]
    state: str
    reason: str
    published: str
    known: Statistic | None = None
    remarks: tuple[Remark, ...] = ()

    @property
    def psnr(self) -> Statistic | None:
        """In dB; None without results."""
        if self.known is not None:
            return self.known
        return Statistic.of([it.psnr for it in self.results]) if self.results else None

    @property
    def psnr_noisy(self) -> float | None:
        """The mean of its images before they are denoised, in dB; None without results."""
        return fmean(it.psnr_noisy for it in self.results) if self.results else None

    @property
    def psnr_of_mean_mse(self) -> Statistic | None:
        """In dB; None without results."""
        return Statistic.of([it.psnr_of_mean_mse for it in self.results]) if self.results else None

    @property
    def seconds(self) -> float | None:
        """The mean time of training; None without results."""
        return fmean(it.seconds for it in self.results) if self.results else None


@dataclass(frozen=True)
class Rows:
    """A table with its results.

    Attributes:
        name, note: as of the plan.
        rows: the best mean first, those without results last; the noisy input at its place.
        alike: the labels of the rows that the seeds' noise does not tell from the first; () where
            the first is best, or nothing can be told.
    """

    name: str
    note: str
    rows: tuple[Row, ...]
    alike: tuple[str, ...]

    @property
    def best(self) -> str:
        """The label of the best setting; "" where none is told apart from the second."""
        compared = [row for row in self.rows if row.results]
        return compared[0].label if len(compared) > 1 and not self.alike else ""

    @property
    def noisy(self) -> float | None:
        """The PSNR of the noisy input, in dB; None where settings differ in it, or have none."""
        return next((row.known.mean for row in self.rows if row.known is not None), None)


def rows_of(table: ResultTable, results: Mapping[str, Result], failures: Mapping[str, str]) -> Rows:
    """The rows of a table.

    Args:
        table: its settings.
        results: of the cells that are finished, by their names.
        failures: why others failed, by their names.
    """
    rows = [_row(setting, table.published, results, failures) for setting in table.settings]
    labels = {row.label for row in rows}
    rows += [
        Row(None, label, 0, (), "only published", "", figure)
        for label, figure in table.published.items()
        if label not in labels
    ]
    rows += _noisy_input(table.settings, results)
    rows.sort(key=lambda row: -row.psnr.mean if row.psnr else math.inf)
    compared = [row for row in rows if row.results]
    alike = [row.label for row in compared[1:] if not exceeds(compared[0], row)]
    return Rows(table.name, table.note, tuple(rows), tuple(alike))


def _noisy_input(settings: Iterable[Setting], results: Mapping[str, Result]) -> list[Row]:
    """The row of the noisy input, where all results of a seed, which draws it, have the same."""
    found: dict[int, list[float]] = {}
    for cell in (cell for setting in settings for cell in setting.cells if cell.name in results):
        found.setdefault(cell.seed, []).append(results[cell.name].psnr_noisy)
    if not found or any(not max(values) - min(values) <= SAME for values in found.values()):
        return []
    known = Statistic.of([fmean(values) for values in found.values()])
    return [Row(None, NOISY, 0, (), "", "", "", known)]


def exceeds(first: Row, second: Row) -> bool:
    """Whether a mean PSNR exceeds another by more than the noise of the seeds.

    That is by more than twice the standard error of the difference, the root of
    ``s1^2 / n1 + s2^2 / n2``, with two seeds of each at least.
    """
    a, b = first.psnr, second.psnr
    if a is None or b is None or a.deviation is None or b.deviation is None:
        return False
    error = math.sqrt(a.deviation**2 / len(first.results) + b.deviation**2 / len(second.results))
    return a.mean - b.mean > NOISE * error


def _row(
    setting: Setting,
    published: Mapping[str, str],
    results: Mapping[str, Result],
    failures: Mapping[str, str],
) -> Row:
    found = tuple(results[cell.name] for cell in setting.cells if cell.name in results)
    missing = [cell for cell in setting.cells if cell.name not in results]
    failed = [cell for cell in missing if cell.name in failures]
    state = (
        "cannot be built"
        if setting.reason
        else "failed"
        if failed
        else "not finished"
        if missing
        else ""
    )
    reasons = [f"seed {cell.seed}: {failures[cell.name]}" for cell in failed[:1]]
    if len(failed) > 1:
        reasons.append(f"and {len(failed) - 1} more failed.")
    return Row(
        setting,
        setting.label,
        len(setting.cells),
        found,
        state,
        setting.reason or " ".join(reasons),
        published.get(setting.label, ""),
        remarks=_remarks(setting, results),
    )


def _remarks(setting: Setting, results: Mapping[str, Result]) -> tuple[Remark, ...]:
    seeds: dict[str, list[int]] = {}
    for cell in setting.cells:
        for text in results[cell.name].remarks if cell.name in results else ():
            seeds.setdefault(text, []).append(cell.seed)
    return tuple(Remark(tuple(of), text) for text, of in seeds.items())
