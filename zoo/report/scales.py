"""Where a value lies on an axis, at which round values an axis is marked, and how they read."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass

STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
DECADES = 30.0  # values that span more than this factor are drawn on a logarithmic axis
SMALLEST = 1e-290  # between the ends of an axis
LEAST_SPAN = 0.02  # of the largest value: less is no difference to be seen
LEAST_PART = 1e-9  # of the largest value: what is smaller would be no flat line but rounding


@dataclass(frozen=True)
class Scale:
    """An axis from ``low`` to ``high``, which differ, drawn from ``start`` to ``end``.

    Attributes:
        ticks: the marked values, in order.
        log: whether equal factors are equally long.
    """

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...]
    log: bool = False

    def __call__(self, value: float) -> float:
        """Where the value is drawn."""
        low, high = self.low, self.high
        if self.log:
            low, high, value = math.log(low), math.log(high), math.log(max(value, low))
        part = (value - low) / (high - low)
        return self.start + min(max(part, -0.05), 1.05) * (self.end - self.start)

    @property
    def labels(self) -> tuple[str, ...]:
        """How the ticks read."""
        return tuple(map(power, self.ticks)) if self.log else aligned(self.ticks)


def linear(
    values: Iterable[float],
    start: float,
    end: float,
    *,
    count: int = 5,
    whole: bool = False,
    least: float = 0.0,
) -> Scale:
    """An axis around values, from one round value to another.

    Args:
        values: those that are not finite do not count; without any it is from 0 to 1.
        start, end: where it is drawn.
        count: about how many ticks.
        whole: ticks are whole numbers, and the axis ends at the first and last value.
        least: from the low end to the high one, so that nearly equal values look so; at least
            :data:`LEAST_SPAN` of the largest, where ticks need not be whole.
    """
    low, high = _ends(values)
    if not whole:
        least = max(least, LEAST_SPAN * max(abs(low), abs(high)))
    if high - low < least:
        middle = (low + high) / 2
        low, high = middle - least / 2, middle + least / 2
    step = _step((high - low) / count, whole)
    first, last = math.floor(low / step + 1e-6), math.ceil(high / step - 1e-6)
    ticks = tuple(step * i for i in range(first, last + 1))
    if whole:
        return Scale(low, high, start, end, tuple(t for t in ticks if low <= t <= high))
    return Scale(ticks[0], ticks[-1], start, end, ticks)


def logarithmic(values: Iterable[float], start: float, end: float) -> Scale:
    """An axis around the values above 0, marked at powers of ten."""
    low, high = _ends(value for value in values if value > 0)
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    last += first == last
    every = max(1, -(-(last - first) // 6))
    ticks = tuple(10.0**i for i in range(first, last + 1, every))
    return Scale(10.0**first, 10.0**last, start, end, ticks, log=True)


def fitting(values: Iterable[float], start: float, end: float, *, least: float = 0.0) -> Scale:
    """A logarithmic axis for values above 0 that span much, a linear one for others."""
    known = [value for value in values if math.isfinite(value)]
    if known and min(known) > 0 and max(known) > DECADES * min(known):
        return logarithmic(known, start, end)
    return linear(known, start, end, least=least)


def _ends(values: Iterable[float]) -> tuple[float, float]:
    known = [value for value in values if math.isfinite(value)]
    low, high = min(known, default=0.0), max(known, default=1.0)
    largest = max(abs(low), abs(high))
    if high - low <= max(LEAST_PART * largest, SMALLEST):
        around = max(0.1 * largest, SMALLEST) if largest else 1.0
        return (low - around if low <= 0 else max(low - around, low / 2)), high + around
    return low, high


def _step(rough: float, whole: bool) -> float:
    power_of_ten = 10.0 ** math.floor(math.log10(rough))
    steps = (factor * power_of_ten for factor in STEPS)
    step = next(it for it in steps if it >= rough * 0.999)
    return max(1.0, float(math.ceil(step))) if whole else step


def aligned(values: Iterable[float]) -> tuple[str, ...]:
    """Numbers that are a step apart, all with as many digits behind the point."""
    values = tuple(values)
    step = min((b - a for a, b in itertools.pairwise(values)), default=1.0)
    largest = max(map(abs, values), default=0.0)
    if largest and not 1e-3 <= largest < 1e6:
        return tuple(short(value) for value in values)
    digits = max(0, -math.floor(math.log10(step) + 1e-9)) if step > 0 else 0
    if any(abs(round(value, digits) - value) > step / 100 for value in values):
        digits += 1  # steps of 2.5
    return tuple(f"{value:,.{digits}f}".replace("-", "−") for value in values)


def power(value: float) -> str:
    """A power of ten, ``0.01`` or ``10⁻⁵``."""
    exponent = round(math.log10(value))
    if -3 <= exponent <= 3:
        return f"{value:g}"
    return f"10{str(exponent).translate(SUPERSCRIPT)}"


def short(value: float, digits: int = 3) -> str:
    """A number in a few digits: ``0.0123``, ``1,234``, ``1.2×10⁻⁷``; a dash for NaN."""
    if not math.isfinite(value):
        return "–"
    if value and not 1e-4 <= abs(value) < 1e6:
        mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{mantissa}×10{str(int(exponent)).translate(SUPERSCRIPT)}".replace("-", "−")
    if abs(value) >= 10**digits:
        return f"{value:,.0f}".replace("-", "−")
    return f"{value:.{digits}g}".replace("-", "−")


def fixed(value: float, digits: int, *, sign: bool = False) -> str:
    """A number with so many digits behind the point; a dash for NaN."""
    if not math.isfinite(value):
        return "–"
    return f"{value:{'+' if sign else ''}.{digits}f}".replace("-", "−")


def compact(value: float) -> str:
    """A count in three digits: ``950``, ``12.3 k``, ``1.46 M``, ``2.1 G``."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9995 * limit:
            return f"{value / limit:#.3g}".rstrip(".") + f" {unit}"
    return f"{value:.3g}"


def duration(seconds: float) -> str:
    """``0.8 s``, ``42 s``, ``5 min 10 s``, ``3 h 05 min``; a dash for NaN."""
    if not math.isfinite(seconds) or seconds < 0:
        return "–"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60:02d} min"
