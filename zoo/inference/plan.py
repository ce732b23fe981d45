"""Which tiles a picture is cut into: the cheapest that memory allows.

What a tile costs is the pixels that the network is given for it, those around it that are computed
again for its neighbours too, times how much slower a pixel is where a tile leaves the caches, and
the starting of the operations. Large tiles have little around them and are few, small ones stay in
the caches, and there should be one for each core.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil, log2

from zoo.engine.lowered import MAX_INFERENCE_BYTES
from zoo.engine.reach import Reach
from zoo.inference.windows import Window, shortest, windows
from zoo.spec.shapes import Pair

# Measured with 2 MiB of cache for each core, and a large one that all share.
CORE_CACHE = 2**21  # bytes
SLOWER = 0.12  # of the time of a pixel, each time that a tile takes twice as much memory
CALL = 4000  # pixels' worth of time, which a tile takes however small it is
TOGETHER = 1.2  # times as long where all cores share each operation, and wait at its end
WHILE_RECORDED = 1.2  # times the memory of a pass that is recorded, beside it

SIDES = tuple(round(32 * 2 ** (step / 4)) for step in range(33))  # 32 to 8192 pixels


@dataclass(frozen=True)
class Grid:
    """The tiles of a picture, all of one size.

    Attributes:
        rows, columns: where they begin and end; each of the one with each of the other.
        at_once: how many are computed at a time, each on a core of its own.
    """

    rows: tuple[Window, ...]
    columns: tuple[Window, ...]
    at_once: int = 1

    def __iter__(self) -> Iterator[tuple[Window, Window]]:
        return iter(product(self.rows, self.columns))

    @property
    def count(self) -> int:
        """How many tiles."""
        return len(self.rows) * len(self.columns)

    @property
    def size(self) -> Pair:
        """(height, width) of what the network is given for a tile."""
        row, column = self.rows[0], self.columns[0]
        return row.last - row.first, column.last - column.first

    def bytes_needed(self, bytes_of_pixel: float) -> float:
        """Memory of the tiles that are computed at a time, and of recording what is recorded."""
        tile = self.size[0] * self.size[1] * bytes_of_pixel
        return self.at_once * (tile + WHILE_RECORDED * min(tile, MAX_INFERENCE_BYTES))

    def cost(self, cores: int, bytes_of_pixel: float) -> float:
        """Pixels' worth of time that all cores together need, or wait."""
        pixels = self.size[0] * self.size[1]
        doublings = log2(max(1.0, pixels * bytes_of_pixel / CORE_CACHE))
        rounds = ceil(self.count / self.at_once) * self.at_once
        together = TOGETHER if self.at_once == 1 < cores else 1.0
        return rounds * together * (pixels * (1 + SLOWER * doublings) + CALL)


def grid_of(
    size: Pair, reaches: Sequence[Reach | None], lengths: Sequence[int], at_once: int = 1
) -> Grid:
    """The tiles of at most those lengths; along an axis without a reach the whole of it."""
    rows, columns = (
        (Window(0, whole, 0, whole),)
        if known is None
        else tuple(windows(whole, known, max(length, shortest(whole, known))))
        for whole, known, length in zip(size, reaches, lengths, strict=True)
    )
    return Grid(rows, columns, min(at_once, len(rows) * len(columns)))


def cheapest_grid(
    size: Pair, reaches: Sequence[Reach | None], bytes_of_pixel: float, memory: float, cores: int
) -> Grid:
    """The cheapest of those that ``memory`` allows; where it allows none, the smallest.

    Args:
        size: of the picture, one that the network gives back.
        reaches: along both axes.
        bytes_of_pixel: memory that the network takes for a pixel.
        memory: bytes that may be taken.
        cores: how many tiles can be computed side by side.
    """
    sides = [*(side for side in SIDES if side < max(size)), max(size)]
    grids = [
        grid_of(size, reaches, (height, width), at_once)
        for side in sides
        for height, width in {(side, side), (side, size[1]), (size[0], side)}
        for at_once in {1, cores}
    ]
    fitting = [grid for grid in grids if grid.bytes_needed(bytes_of_pixel) <= memory]
    if not fitting:
        return min(grids, key=lambda grid: grid.bytes_needed(bytes_of_pixel))
    return min(fitting, key=lambda grid: (grid.cost(cores, bytes_of_pixel), grid.count))
