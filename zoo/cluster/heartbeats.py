"""Which workers are silent: Dask takes minutes to call one lost that is halted."""

from __future__ import annotations

from collections.abc import Mapping

LOOKS = 30  # without a sign of a worker; there is one each second at most


class Heartbeats:
    """The last signs of workers.

    They are counted by looks, not by the clock: while the scheduler or this process is halted,
    nobody looks.
    """

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}
        self._missed: dict[str, int] = {}

    def is_silent(self, address: str) -> bool:
        """Whether nothing was heard of a worker for :data:`LOOKS` looks."""
        return self._missed.get(address, 0) >= LOOKS

    def look(self, last_seen: Mapping[str, float]) -> list[str]:
        """Take in the times of the last signs.

        Args:
            last_seen: in seconds of the scheduler's clock, by the workers' addresses.

        Returns:
            The workers that have become silent.
        """
        self._missed = {
            address: self._missed.get(address, 0) + 1 if self._seen.get(address) == seen else 0
            for address, seen in last_seen.items()
        }
        self._seen = dict(last_seen)
        return [address for address, missed in self._missed.items() if missed == LOOKS]
