from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch


@pytest.fixture
def draws() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def test_data() -> Path:
    """Photographs and pairs that cannot be shipped; the folder is named by ZOO_TEST_DATA."""
    folder = os.environ.get("ZOO_TEST_DATA")
    if folder is None:
        pytest.skip("ZOO_TEST_DATA does not name a folder with bsds500/ and ee559_val_54.pkl")
    return Path(folder)
