"""Every built-in layer, by its registered name, through every check of the conformance kit."""

from __future__ import annotations

import pytest

from tests.conformance.cases import LAYERS
from zoo.testing import LAYER_CHECKS, LayerCase, LayerCheck

EVERY_CASE = [
    pytest.param(case, id=f"{name}-{case.id}") for name, cases in LAYERS.items() for case in cases
]


@pytest.mark.parametrize("check", LAYER_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("case", EVERY_CASE)
def test_layer(case: LayerCase, check: LayerCheck) -> None:
    check(case)
