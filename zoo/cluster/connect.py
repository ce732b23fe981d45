"""Reaching a Dask cluster: a local one, one by its address, or one by its scheduler file."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from zoo.cluster.address import LOCAL, address_of
from zoo.cluster.links import TIMEOUTS
from zoo.errors import UsageError, printable
from zoo.optional import load

TIMEOUT = 20  # seconds until a scheduler has answered
LONGEST_END = 60.0  # seconds, of a local cluster


@contextmanager
def connected(cluster: str, jobs: int) -> Iterator[Any]:
    """A client of a cluster, closed afterwards; a local cluster ends with it.

    Args:
        cluster: ``local``, the address of a scheduler, or the file that a scheduler has written.
        jobs: processes of a local cluster.

    Raises:
        UsageError: Dask is not installed, or the cluster cannot be reached.
    """
    address = require_scheduler(cluster)
    with ExitStack() as stack:
        if address == LOCAL:
            address = stack.enter_context(_local(jobs))
        yield stack.enter_context(_client(cluster, address))


def require_scheduler(cluster: str) -> str:
    """Where the scheduler of a cluster is, which has answered; ``local`` for this machine's own.

    Args:
        cluster: as of :func:`connected`.

    Raises:
        UsageError: Dask is not installed, that is no cluster, or no scheduler answers there within
            20 seconds.
    """
    address = address_of(cluster)
    distributed = load("distributed", "cluster", "--cluster")
    for name in ("distributed", "tornado"):  # what goes wrong is said by zoo, in one line
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    for name in ("client", "core", "comm", "batched"):
        logging.getLogger(f"distributed.{name}").setLevel(logging.CRITICAL + 1)
    if address == LOCAL:
        return address
    options = distributed.Security().get_connection_args("client")
    if address.startswith("tls://") and options.get("ssl_context") is None:
        raise UsageError(
            f"--cluster {printable(cluster)}: needs certificates, and Dask has none here. Name "
            "them in DASK_DISTRIBUTED__COMM__TLS__CA_FILE and its companions, as Dask's page on "
            "TLS says."
        )
    try:
        found = asyncio.run(asyncio.wait_for(_identity(distributed, address, options), TIMEOUT))
    except Exception as error:  # of whatever listens there, and may write anything
        said = "" if isinstance(error, TIMEOUTS) else str(error).partition("\n")[0]
        raise _silent(cluster, said or f"nothing within {TIMEOUT} s") from error
    kind = found.get("type") if isinstance(found, dict) else None
    if kind != "Scheduler":
        raise _silent(cluster, f"a {kind} does" if isinstance(kind, str) else "something else does")
    return address


async def _identity(distributed: Any, address: str, options: Mapping[str, Any]) -> Any:
    """What answers at an address says that it is."""
    comm = await distributed.comm.connect(address, timeout=TIMEOUT, **options)
    try:
        return await distributed.core.send_recv(comm, op="identity")
    finally:
        comm.abort()


def _silent(cluster: str, said: str) -> UsageError:
    return UsageError(
        f"--cluster {printable(cluster)}: no scheduler answers: {printable(said)}. Start one with "
        "'dask scheduler', and name it here."
    )


@contextmanager
def _client(cluster: str, address: str) -> Iterator[Any]:
    distributed = load("distributed", "cluster", "--cluster")
    try:
        with warnings.catch_warnings():  # zoo compares the versions itself
            warnings.simplefilter("ignore")
            client = distributed.Client(address, timeout=TIMEOUT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise _silent(cluster, str(error).partition("\n")[0]) from error
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
        with suppress(OSError, AttributeError):  # not on Windows; it may have ended
            os.killpg(process.pid, signal.SIGCONT)  # a worker that is halted would never end
        try:
            process.wait(LONGEST_END)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
