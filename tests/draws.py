"""How many examples random tests draw: some for each change, many more before a release."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

TIMES = int(os.environ.get("ZOO_TEST_DRAWS", "1"))


def draws(count: int) -> settings:
    """``count`` examples, the same ones each time, or ``ZOO_TEST_DRAWS`` times as many."""
    return settings(
        max_examples=count * TIMES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
