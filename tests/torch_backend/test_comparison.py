"""The figures of two runs side by side."""

from __future__ import annotations

import math
from typing import Any

import pytest

from zoo.torch_backend.comparison import Comparison, Metrics, epochs_of


def line(epoch: int, psnr: float | None, loss: float, seconds: float) -> dict[str, Any]:
    return {"epoch": epoch, "val_psnr": psnr, "val_loss": loss, "seconds": seconds}


def compared(zoo: Metrics, torch: Metrics) -> Comparison:
    epochs = epochs_of({"zoo": zoo, "torch": torch})
    return Comparison("net", 12, epochs, {"zoo": 2.0, "torch": 1.0}, {"zoo": "a", "torch": "b"})


def test_differences_and_times() -> None:
    own = [line(1, 20.0, 0.02, 9.0), line(2, 25.0, 0.01, 1.0), line(3, 26.0, 0.01, 1.0)]
    other = [line(1, 20.5, 0.01, 2.0), line(2, 24.875, 0.01, 2.0), line(3, 26.0, 0.01, 2.0)]
    comparison = compared(own, other)
    assert [epoch.difference for epoch in comparison.epochs] == [-0.5, 0.125, 0.0]
    assert comparison.largest_difference == 0.5
    assert comparison.largest_loss_difference == pytest.approx(1.0)
    assert comparison.seconds == {"zoo": 11.0, "torch": 6.0}
    assert comparison.ratio == pytest.approx(11 / 6)
    assert comparison.median_ratio == 0.5
    assert [epoch["epoch"] for epoch in comparison.to_dict()["epochs"]] == [1, 2, 3]


def test_without_psnr_and_where_one_has_done_more() -> None:
    comparison = compared(
        [line(1, None, 2.0, 1.0), line(2, None, 2.0, 1.0)], [line(1, None, 4.0, 1.0)]
    )
    assert len(comparison.epochs) == 1
    assert comparison.largest_difference is None
    assert comparison.largest_loss_difference == 0.5


def test_infinite_psnr_and_no_epochs() -> None:
    perfect = [line(1, math.inf, 0.0, 1.0)]
    assert compared(perfect, perfect).largest_difference == 0.0
    assert compared(perfect, perfect).largest_loss_difference == 0.0
    none = compared([], [])
    assert (none.largest_difference, none.ratio) == (None, 0.0)
    assert math.isnan(none.median_ratio)
