"""What an entry is tried with, in the words of an architecture file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Case:
    """One way to write an entry in an architecture file, and what is known of it.

    A plugin keeps a sequence of them in a module of its own and names it in the entry::

        CASES = [
            Case({"factor": 2}, input=(8, 4, 6)),
            Case({"factor": 3}, input=(9, 2, 2), unbatched=False),
        ]

        zoo.LayerEntry(..., cases="zoo_swish.cases:CASES")

    Each option that none of them sets is varied from the first, of which the rest holds but for
    ``mean`` and ``std``.

    Attributes:
        parameters: as in the entry's table, without ``type``; a body is a list of tables.
        input: for layers, the shape of an input without the batch axis, (C, H, W); found by trying
            where it is left out. Keep it small.
        unbatched, mixes_batch, random: for layers, as in :class:`zoo.testing.LayerCase`.
        values: for layers, how parameters and buffers are drawn, as in
            :class:`zoo.testing.LayerCase`.
        mean, std, biases: for initializers, as in :class:`zoo.testing.InitializerCase`.
        files: for sources, a function that writes what is read into an empty folder, to which the
            paths in ``parameters`` are relative.
        expected_failures: names of checks that are known to fail, each with the reason.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    input: tuple[int, ...] | None = None
    unbatched: bool = True
    mixes_batch: bool = False
    values: Mapping[str, str] = field(default_factory=dict)
    mean: float | None = None
    std: Callable[[tuple[int, ...]], float] | None = None
    biases: bool = True
    files: Callable[[Path], None] | None = None
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    random: bool = False
