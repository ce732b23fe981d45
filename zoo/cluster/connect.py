"""Reaching a Dask cluster: a local one, one by its address, or one by its scheduler file."""

from __future__ import annotations

import logging
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zoo.errors import UsageError, printable
from zoo.optional import load

LOCAL = "local"
TIMEOUT = 20  # seconds until a scheduler has answered
LONGEST_END = 60.0  # seconds, of a local cluster
SCHEMES = ("tcp://", "tls://", "ucx://", "ws://", "wss://", "inproc://")


@contextmanager
def connected(cluster: str, jobs: int) -> Iterator[Any]:
    """A client of a cluster, closed afterwards; a local cluster ends with it.

    Args:
        cluster: ``local``, the address of a scheduler, or the file that a scheduler has written.
        jobs: processes of a local cluster.

    Raises:
        UsageError: Dask is not installed, or the cluster cannot be reached.
    """
    distributed = load("distributed", "cluster", "--cluster")
    for name in ("distributed", "tornado"):  # what goes wrong is said by zoo, in one line
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    for name in ("client", "core", "comm", "batched"):
        logging.getLogger(f"distributed.{name}").setLevel(logging.CRITICAL + 1)
    if cluster == LOCAL:
        with _local(jobs) as address, _client(distributed, cluster, address=address) as client:
            yield client
    elif cluster.startswith(SCHEMES):
        with _client(distributed, cluster, address=cluster) as client:
            yield client
    elif Path(cluster).is_file():
        with _client(distributed, cluster, scheduler_file=cluster) as client:
            yield client
    else:
        raise UsageError(
            f"--cluster {printable(cluster)}: there is no such file. Use local, the address of a "
            "scheduler as tcp://HOST:8786, or its scheduler file."
        )


@contextmanager
def _client(distributed: Any, cluster: str, **where: str) -> Iterator[Any]:
    try:
        with warnings.catch_warnings():  # zoo compares the versions itself
            warnings.simplefilter("ignore")
            client = distributed.Client(**where, timeout=TIMEOUT, set_as_default=False)
    except (OSError, ValueError, LookupError, TypeError) as error:  # the last: of another file
        where_ = printable(f"--cluster {cluster}")
        raise UsageError(
            f"{where_}: no scheduler answers: {str(error).splitlines()[0]}. Start one with "
            "'dask scheduler', and name it here."
        ) from error
    try:
        yield client
    finally:
        client.close(timeout=5)


@contextmanager
def _local(workers: int) -> Iterator[str]:
    """The address of a cluster of this machine, which ends when its standard input does."""
    command = [sys.executable, "-m", "zoo.cluster.local", str(workers)]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # a terminal's Ctrl-C is the client's alone
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        if not address:
            raise UsageError(
                "--cluster local: it does not start. "
                f"See why: {Path(sys.executable).name} -m zoo.cluster.local {workers}"
            )
        yield address
    finally:
        process.stdin.close()
        process.stdout.close()
        try:
            process.wait(LONGEST_END)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
