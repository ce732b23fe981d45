from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def zeros_that_are_forgotten_show(new_memory_is_no_number: None) -> None:
    """In all tests of the layers."""
