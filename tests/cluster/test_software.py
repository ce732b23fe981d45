"""What a worker has otherwise than the client, in words."""

from __future__ import annotations

from zoo.cluster.remote import SPOOLS
from zoo.cluster.software import differences, needed, variables_of
from zoo.plugins.discovery import discover
from zoo.plugins.registry import load_registry


def test_the_same_differs_in_nothing() -> None:
    needs = needed(load_registry(discover({"ZOO_PLUGINS": ""})))
    assert {"zoo", "torch", "distributed"} == needs.keys()
    assert list(differences(needs, dict(needs))) == []
    assert list(differences(needs, {**needs, "numpy": "1"})) == []


def test_each_difference_is_named() -> None:
    needs = {"zoo": "1.0", "torch": "2.11", "zoo-odd": "0.1", "zoo-even": "0.2"}
    has = {"zoo": "0.9", "torch": None, "zoo-odd": None, "zoo-even": "0.3"}
    assert list(differences(needs, has)) == [
        "zoo is 0.9 there, and 1.0 here",
        "torch 2.11 is not installed there",
        "the plugin zoo-odd 0.1 is not installed there",
        "the plugin zoo-even is 0.3 there, and 0.2 here",
    ]


def test_only_variables_of_zoo_go_along() -> None:
    assert variables_of({"ZOO_PLUGINS": "", "HOME": "/home/a"}) == {"ZOO_PLUGINS": ""}


def test_no_package_is_called_as_the_folder_that_dask_imports_from() -> None:
    """A folder ``zoo`` there would be taken for zoo."""
    assert not SPOOLS.isidentifier()
