"""``python -m zoo.cluster.local N``: a Dask cluster of N processes on this machine.

Writes its scheduler's address in a line, and ends when its standard input does: with the client,
also with one that is killed.
"""

from __future__ import annotations

import os
import sys
import warnings

from zoo.optional import load


def serve(workers: int) -> None:
    """Run the cluster until the standard input ends; a worker that is lost is started again."""
    distributed = load("distributed", "cluster", "--cluster")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cluster = distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            dashboard_address=None,
            memory_limit=0,  # runs have processes of their own, which are not Dask's to count
        )
    with cluster:
        os.write(1, f"{cluster.scheduler_address}\n".encode())
        while os.read(0, 1):
            pass


if __name__ == "__main__":
    serve(int(sys.argv[1]))
