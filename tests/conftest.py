from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch.utils import deterministic

if not torch.cuda.is_available():
    # Before anybody imports Triton: the GPU's kernels are interpreted on the CPU.
    os.environ.setdefault("TRITON_INTERPRET", "1")


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """The tensors of tests are tiny: several threads would mostly wait for each other."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def interrupts() -> None:
    """Ctrl-C reaches this process, and so those it starts, also where a shell runs it with ``&``.

    Such a shell lets it ignore the signal, and tests that send it would wait for ever.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def seed() -> Iterator[None]:
    """Tests that draw from torch's global generator draw the same each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture(autouse=True)
def no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is installed beside zoo does not matter; a test that needs a plugin names it."""
    monkeypatch.setenv("ZOO_PLUGINS", "")


@pytest.fixture
def new_memory_is_no_number(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Memory that was asked for and not written holds nan: a zero that a layer forgets shows."""
    monkeypatch.setattr(deterministic, "fill_uninitialized_memory", True)
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    assert torch.empty(5).isnan().all()
    yield
    torch.use_deterministic_algorithms(before)


@pytest.fixture
def test_data() -> Path:
    """Photographs and pairs that cannot be shipped; the folder is named by ZOO_TEST_DATA."""
    folder = os.environ.get("ZOO_TEST_DATA")
    if folder is None:
        pytest.skip("ZOO_TEST_DATA does not name a folder with bsds500/ and ee559_val_54.pkl")
    return Path(folder)
