from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch.utils import deterministic


@pytest.fixture(autouse=True)
def new_memory_is_no_number(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Memory that was asked for and not written holds nan: a zero that a layer forgets shows."""
    monkeypatch.setattr(deterministic, "fill_uninitialized_memory", True)
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    assert torch.empty(5).isnan().all()
    yield
    torch.use_deterministic_algorithms(before)
