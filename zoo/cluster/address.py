"""What ``--cluster`` names: a cluster of this machine, or where a scheduler is."""

from __future__ import annotations

import json
import re
import shlex
from contextlib import suppress
from pathlib import Path

from zoo.errors import UsageError, printable
from zoo.files import read_regular

LOCAL = "local"
ADDRESS = re.compile(r"(?:tcp|tls)://(?:[^\s:/\[\]]+|\[[0-9a-fA-F:.]+\]):(\d{1,5})/?", re.ASCII)
MOST_PORT = 65535
MOST = 2**24  # bytes of a scheduler file, which has a line of each worker
ALLOWED = (
    "Use local, the address of a scheduler as tcp://HOST:8786 or tls://HOST:8786, or its "
    "scheduler file."
)


def address_of(cluster: str) -> str:
    """Where a scheduler is, as ``tcp://HOST:PORT``; :data:`LOCAL` for this machine's own cluster.

    Args:
        cluster: ``local``, the address, or the path of the file that a scheduler has written.

    Raises:
        UsageError: it is none of these.
    """
    if cluster == LOCAL or _is_address(cluster):
        return cluster
    if not cluster:
        raise UsageError(f"--cluster: is empty. {ALLOWED}")
    if "://" in cluster:
        raise _error(cluster, "is no address of a scheduler.")
    path = Path(cluster)
    if path.is_dir():
        raise _error(cluster, "is a folder.")
    if not path.exists():
        raise _error(cluster, "there is no such file.")
    try:
        content = read_regular(path, MOST)
    except OSError as error:
        raise _error(cluster, f"cannot be read: {error.strerror}.") from error
    with suppress(ValueError, RecursionError):
        tree = json.loads(content)
        address = tree.get("address") if isinstance(tree, dict) else None
        if isinstance(address, str) and _is_address(address):
            return address
    raise _error(
        cluster,
        "is no scheduler file: it is no JSON object with an address as tcp://HOST:8786.",
    )


def waiting_line(cluster: str) -> str:
    """That a cluster has no workers yet, and what starts one."""
    line = f"waiting for workers of {printable(cluster)}"
    if cluster == LOCAL:
        return line
    where = cluster if _is_address(cluster) else f"--scheduler-file {shlex.quote(cluster)}"
    return f"{line}: start them with: dask worker {printable(where)}"


def _is_address(text: str) -> bool:
    match = ADDRESS.fullmatch(text)
    return match is not None and 0 < int(match[1]) <= MOST_PORT


def _error(cluster: str, what: str) -> UsageError:
    return UsageError(f"--cluster {printable(cluster)}: {what} {ALLOWED}")
