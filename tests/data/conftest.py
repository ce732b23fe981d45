from __future__ import annotations

import pytest
import torch


@pytest.fixture
def draws() -> torch.Generator:
    return torch.Generator().manual_seed(0)
