"""Every built-in layer, by its registered name, through every check of the conformance kit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conformance.cases import LAYERS
from zoo.testing import LayerCase, cases_of, parametrize_with_checks

# Those of the table; of a layer that has none there, what the kit makes up from its schema.
MADE_UP = [case for case in cases_of("zoo") if isinstance(case, LayerCase)]
CASES = {
    **{name: LAYERS[name] for name in LAYERS},
    **{
        name: [case for case in MADE_UP if case.id.startswith(f"{name}(")]
        for name in {case.id.partition("(")[0] for case in MADE_UP} - set(LAYERS)
    },
}


@parametrize_with_checks(CASES)
def test_layer(case: Any, check: Callable[[Any], None]) -> None:
    check(case)
