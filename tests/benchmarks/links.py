"""Two network namespaces joined by a link of a given bandwidth; needs root and iproute2."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.distributed.ranks import free_port

ROOT = Path(__file__).parents[2]
LONGEST = 900  # seconds of two ranks
ADDRESSES = ("10.91.0.1", "10.91.0.2")
NAMES = tuple(f"zoo-{os.getpid()}-rank-{rank}" for rank in range(2))


@dataclass(frozen=True)
class Link:
    """How two ranks reach each other.

    Attributes:
        name: of the link.
        prefixes: what each rank's command begins with.
        environment: of each rank.
    """

    name: str
    prefixes: tuple[Sequence[str], Sequence[str]]
    environment: dict[str, str]


LOOPBACK = Link("loopback", ((), ()), {"MASTER_ADDR": "127.0.0.1"})


def output_of_two(over: Link, arguments: Sequence[str]) -> str:
    """What rank 0 prints of two that run ``python ARGUMENTS``, each at its end of a link."""
    port = str(free_port())
    started = [
        subprocess.Popen(
            [*prefix, sys.executable, *arguments],
            cwd=ROOT,
            env=os.environ
            | {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_PORT": port, **over.environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank, prefix in enumerate(over.prefixes)
    ]
    first, _ = (process.communicate(timeout=LONGEST)[0] for process in started)
    return first


def has_namespaces() -> bool:
    """Whether a link can be made here: by root, with iproute2."""
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("ip") is not None


@contextmanager
def link(gigabits: float) -> Iterator[Link]:
    """A link of so many Gbit/s in each direction, as ``tc`` limits it.

    Raises:
        CalledProcessError: it cannot be made, as by a user who is not root.
    """
    _remove()
    try:
        for name in NAMES:
            _ip("netns", "add", name)
        _ip("link", "add", "zoo0", "netns", NAMES[0], "type", "veth",
            "peer", "name", "zoo0", "netns", NAMES[1])  # fmt: skip
        for name, address in zip(NAMES, ADDRESSES, strict=True):
            inside = ("netns", "exec", name)
            _ip(*inside, "ip", "addr", "add", f"{address}/24", "dev", "zoo0")
            _ip(*inside, "ip", "link", "set", "zoo0", "up")
            _ip(*inside, "ip", "link", "set", "lo", "up")
            burst = str(max(2**17, int(gigabits * 2**17)))
            _ip(*inside, "tc", "qdisc", "add", "dev", "zoo0", "root", "tbf",
                "rate", f"{gigabits:g}gbit", "burst", burst, "latency", "50ms")  # fmt: skip
        first, second = (("ip", "netns", "exec", name) for name in NAMES)
        environment = {"MASTER_ADDR": ADDRESSES[0], "GLOO_SOCKET_IFNAME": "zoo0"}
        yield Link(f"{gigabits:g} Gbit/s", (first, second), environment)
    finally:
        _remove()


def cut() -> None:
    """Have the link carry nothing any more, as by a cable that is pulled at rank 1."""
    _ip("netns", "exec", NAMES[1], "ip", "link", "set", "zoo0", "down")


def _remove() -> None:
    for name in NAMES:
        with suppress(subprocess.CalledProcessError):
            _ip("netns", "del", name)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
