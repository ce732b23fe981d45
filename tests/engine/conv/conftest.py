from __future__ import annotations

import os

import pytest

from zoo.engine.conv import gemm_nhwc


@pytest.fixture(autouse=True)
def zeros_that_are_forgotten_show(new_memory_is_no_number: None) -> None:
    """In all tests of the kernels."""


@pytest.fixture(params=[True, False], ids=["one product", "tap by tap"])
def taps_side_by_side(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether taps that are neighbours in memory are one product, as in images of more pixels."""
    monkeypatch.setattr(gemm_nhwc, "MIN_STACKED_PIXELS", 0 if request.param else 2**60)


@pytest.fixture
def interpreted() -> None:
    """The GPU's kernels run by Triton's interpreter, on tensors of the CPU."""
    pytest.importorskip("triton", reason="Triton is not installed")
    if os.environ.get("TRITON_INTERPRET") != "1":
        pytest.skip("the kernels are compiled for this machine's GPU; TRITON_INTERPRET=1 runs this")
