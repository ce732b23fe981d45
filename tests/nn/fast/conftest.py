from __future__ import annotations

import pytest

from zoo.nn.fast import layout


@pytest.fixture(params=[True, False], ids=["one product", "tap by tap"])
def taps_side_by_side(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether taps that are neighbours in memory are one product, as in images of more pixels."""
    monkeypatch.setattr(layout, "FROM_PIXELS", 0 if request.param else 2**60)
