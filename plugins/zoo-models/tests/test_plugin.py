"""The distribution: its records, and zoo's own checks of what they name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import tomli

pytest.importorskip("zoo_models", reason="the plugin zoo-models is not installed")

from zoo_models import plugin

from zoo.describe.model_card import read_card
from zoo.plugins.model_entry import ModelEntry
from zoo.testing import cases_of, parametrize_with_checks

PACKAGE = Path(plugin.__file__).parent
CARDS = sorted(path.stem for path in PACKAGE.glob("cards/*.toml"))
ENTRIES = {entry.name: entry for entry in plugin.zoo_models()}
MEGABYTES = 12


@parametrize_with_checks(cases_of("zoo-models"))
def test_contract(case: object, check: Callable[[object], None]) -> None:
    check(case)


def test_all_that_is_there_is_offered() -> None:
    weights = sorted(path.stem for path in PACKAGE.glob("weights/*.pkl"))
    assert sorted(ENTRIES) == weights == CARDS
    assert CARDS == ["photo", "photo-grey", "photo-grey-small", "photo-small"]


def test_all_weights_together_are_small() -> None:
    assert sum(entry.path.stat().st_size for entry in ENTRIES.values()) <= MEGABYTES * 1e6


@pytest.mark.parametrize("name", CARDS)
def test_each_has_a_recipe_and_a_card_that_says_so(name: str) -> None:
    fields = {"file": "zoo_models:x.pkl", "sha256": "0" * 64, "summary": "s"}
    card = read_card(ModelEntry(name=name, card=f"zoo_models:cards/{name}.toml", **fields))
    recipe = PACKAGE.parent / "recipes" / f"{name}.toml"
    assert tomli.loads(recipe.read_text("utf-8"))["name"] == name
    assert f"plugins/zoo-models/recipes/{name}.toml" in card.fields["training"]["command"]
    assert card.channels == (1 if "grey" in name else 3)
