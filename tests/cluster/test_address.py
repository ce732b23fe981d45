"""What a user is told while a cluster has no workers."""

from __future__ import annotations

import pytest

from zoo.cluster.address import waiting_line


@pytest.mark.parametrize(
    ("cluster", "advice"),
    [
        ("local", ""),
        ("tcp://10.0.0.1:8786", ": start them with: dask worker tcp://10.0.0.1:8786"),
        ("a b.json", ": start them with: dask worker --scheduler-file 'a b.json'"),
    ],
)
def test_waiting_says_how_to_start_workers(cluster: str, advice: str) -> None:
    assert waiting_line(cluster) == f"waiting for workers of {cluster}{advice}"
