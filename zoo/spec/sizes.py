"""Which image sizes a network gives back as they are, along one axis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# The largest step between sizes that is looked for.
LARGEST_STEP = 256


@dataclass(frozen=True)
class SizeRule:
    """Sizes ``first``, ``first + step``, ``first + 2 step``, ...; with step 0 only ``first``."""

    first: int
    step: int

    @property
    def words(self) -> str:
        """``that are a multiple of 4`` and so on, to follow a plural."""
        if self.step == 0:
            return f"of {self.first} pixel{'s' * (self.first != 1)} only"
        if self.step == 1:
            return "of any size" if self.first == 1 else f"from {self.first} pixels on"
        if self.first % self.step:
            return f"of {self.first} pixels plus a multiple of {self.step}"
        least = "" if self.first == self.step else f", from {self.first} pixels on"
        return f"that are a multiple of {self.step}{least}"

    def next(self, size: int) -> int | None:
        """The smallest such size that is ``size`` or more; None where there is none."""
        if size <= self.first:
            return self.first
        if self.step == 0:
            return None
        return size + (self.first - size) % self.step


def describe_sizes(height: SizeRule | None, width: SizeRule | None) -> str:
    """Both rules in words: ``heights and widths that are a multiple of 4``."""
    if height == width:
        return f"heights and widths {_describe(height)}"
    return f"heights {_describe(height)}, widths {_describe(width)}"


def size_rule(gives_back: Callable[[int], bool], size: int) -> SizeRule | None:
    """The rule behind the sizes for which ``gives_back`` is true.

    Sizes so small that borders matter may be exceptions: the rule holds from its first size on.

    Args:
        gives_back: whether the network gives back a size.
        size: a size that it gives back, or is asked to, in pixels.

    Returns:
        None where there is no such size, or no rule behind them.
    """
    sizes: list[int] = []
    limit, seen = 16, 0
    while limit <= 4 * LARGEST_STEP:
        sizes += [n for n in range(seen + 1, limit + 1) if gives_back(n)]
        if rule := _regular(sizes, limit):
            return rule
        limit, seen = 2 * limit, limit
    if size > seen and gives_back(size):
        sizes.append(size)
    return SizeRule(sizes[0], 0) if len(sizes) == 1 else None


def _describe(rule: SizeRule | None) -> str:
    return rule.words if rule else "that follow no rule"


def _regular(sizes: list[int], limit: int) -> SizeRule | None:
    """The rule of the last sizes, where at least four of them follow each other up to the limit."""
    if len(sizes) < 4:
        return None
    step = sizes[-1] - sizes[-2]
    first = len(sizes) - 1
    while first > 0 and sizes[first] - sizes[first - 1] == step:
        first -= 1
    regular = len(sizes) - first >= 4 and sizes[-1] + step > limit
    return SizeRule(sizes[first], step) if regular else None
