"""What a launcher says of a process in environment variables; no torch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from zoo.errors import UsageError, quoted

PARENT = os.getppid()  # when this process began: another one later means that it is gone
ADDRESS = ("MASTER_ADDR", "MASTER_PORT")  # where the ranks find each other


@dataclass(frozen=True)
class Launch:
    """A process among those of a run.

    Attributes:
        rank: its number, from 0.
        size: how many there are.
        local_rank, local_size: the same of those on its machine.
        restarts: how often the launcher has started all of them again.
    """

    rank: int
    size: int
    local_rank: int
    local_size: int
    restarts: int


def launched(environment: Mapping[str, str]) -> Launch | None:
    """What ``torchrun``, or whoever sets the same variables, says; None for a process by itself.

    Args:
        environment: ``os.environ``.

    Raises:
        UsageError: a variable that says what cannot be, or one that is missing.
    """
    by_torchrun = "TORCHELASTIC_RUN_ID" in environment
    if "RANK" not in environment or "WORLD_SIZE" not in environment:
        return None
    size = _number(environment, "WORLD_SIZE", 1)
    if size == 1 and not by_torchrun:
        return None
    if missing := [name for name in ADDRESS if name not in environment]:
        raise UsageError(
            f"WORLD_SIZE={size}: {missing[0]} is not set. Start zoo by torchrun, which sets it, or "
            "unset WORLD_SIZE for one process."
        )
    _number(environment, "MASTER_PORT", 1, 2**16)
    local_size = _number(environment, "LOCAL_WORLD_SIZE", 1, size + 1, 1)
    return Launch(
        _number(environment, "RANK", 0, size),
        size,
        _number(environment, "LOCAL_RANK", 0, local_size, 0),
        local_size,
        _number(environment, "TORCHELASTIC_RESTART_COUNT", 0, default=0),
    )


def rank_of(environment: Mapping[str, str]) -> int:
    """The number of this process among those that train together; 0 for one by itself."""
    try:
        launch = launched(environment)
    except UsageError:
        return 0
    return launch.rank if launch else 0


def refuse(launch: Launch | None, what: str, instead: str) -> None:
    """Refuse what several processes cannot do together.

    Raises:
        UsageError: there are several.
    """
    if launch is not None and launch.size > 1:
        raise UsageError(
            f"{what}: is not for several processes (WORLD_SIZE={launch.size}). {instead}"
        )


def _number(
    environment: Mapping[str, str],
    name: str,
    least: int,
    end: int | None = None,
    default: int | None = None,
) -> int:
    """A variable's number, from ``least`` to before ``end``."""
    if name not in environment and default is not None:
        return default
    text = environment[name]
    number = int(text) if text.isascii() and text.isdecimal() else -1
    if number < least or (end is not None and number >= end):
        allowed = f"{least} or more" if end is None else f"{least} to {end - 1}"
        raise UsageError(f"{name}={quoted(text)}: no such number. Use {allowed}.")
    return number
