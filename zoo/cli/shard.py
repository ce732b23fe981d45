"""``--shard I/N``: one part of the pieces of work, the same for everyone who counts them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import click

MOST = 999_999_999  # shards
T = TypeVar("T")


@dataclass(frozen=True)
class Shard:
    """Every ``count``-th piece, from the ``number``-th on.

    Attributes:
        number: from 1 to ``count``.
        count: how many shards there are.
    """

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def of(self, pieces: Sequence[T]) -> Sequence[T]:
        """The pieces that are in it."""
        return pieces[self.number - 1 :: self.count]


class ShardType(click.ParamType):  # type: ignore[type-arg]  # generic in the stubs of newer clicks only
    """A shard, as in ``1/4``."""

    name = "shard"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Shard:
        """The shard that a text means."""
        match = re.fullmatch(r"0*([1-9][0-9]{0,8})/0*([1-9][0-9]{0,8})", value)
        if match is None or int(match[1]) > int(match[2]):
            what = f"is {value}" if value else "is empty"
            self.fail(f"{what}. Use 1/4 to 4/4 for four shards, of {MOST} at most.", param, ctx)
        return Shard(int(match[1]), int(match[2]))
