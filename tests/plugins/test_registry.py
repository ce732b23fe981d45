"""Looking up what can be written in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.errors import PluginError
from zoo.plugins.discovery import Failure, Provider, discover
from zoo.plugins.records import Entry, LayerEntry, LossEntry
from zoo.plugins.registry import Registered, Registry, load_registry

SCHEMA = {"type": "object", "properties": {}, "additionalProperties": False}
A, B, C = (Provider(f"zoo-{name}", "1.0", "plugin") for name in "abc")


def entry(record: type[Entry], name: str) -> Entry:
    rule = {"shape_rule": "zoo.spec.shape_rules:elementwise"} if record is LayerEntry else {}
    return record(name=name, factory="zoo.nn:ReLU", schema=SCHEMA, summary="a test's", **rule)


RELU, MSE = entry(LayerEntry, "relu"), entry(LossEntry, "mse")


def test_names_of_a_kind_are_sorted_and_each_is_given_once() -> None:
    items = [entry(LayerEntry, name) for name in ("tanh", "relu", "gelu", "relu")]
    registry = Registry(Registered(item, A) for item in [*items, MSE])
    assert registry.names("layer") == ["gelu", "relu", "tanh"]
    assert registry.names("loss") == ["mse"]
    assert registry.names("noise") == []


def test_an_entry_and_who_provides_it() -> None:
    registry = Registry([Registered(RELU, A), Registered(MSE, B)])
    assert registry.get("loss", "mse") == Registered(MSE, B)
    assert registry.layer("relu") is RELU


def test_there_is_no_such_entry() -> None:
    registry = Registry([Registered(RELU, A)])
    for kind, name in (("layer", "gelu"), ("loss", "relu"), ("", "")):
        with pytest.raises(KeyError):
            registry.get(kind, name)


@pytest.mark.parametrize("providers", [(A, B, C), (C, A, B)])
def test_an_entry_of_several_plugins(providers: tuple[Provider, ...]) -> None:
    registry = Registry(Registered(RELU, provider) for provider in providers)
    with pytest.raises(PluginError) as caught:
        registry.get("layer", "relu")
    assert str(caught.value) == (
        "layer 'relu': provided by zoo-a 1.0 and zoo-b 1.0 and zoo-c 1.0. "
        "Choose with zoo-a:relu or zoo-b:relu or zoo-c:relu."
    )


def test_the_same_name_in_two_kinds_is_no_clash() -> None:
    registry = Registry([Registered(RELU, A), Registered(entry(LossEntry, "relu"), B)])
    assert registry.get("layer", "relu").provider is A
    assert registry.get("loss", "relu").provider is B


def test_all_entries_by_kind_and_name() -> None:
    tanh = entry(LayerEntry, "tanh")
    items = [Registered(MSE, B), Registered(tanh, A), Registered(RELU, B), Registered(tanh, B)]
    assert list(Registry(items)) == [items[2], items[1], items[3], items[0]]


def test_failures_are_kept() -> None:
    failure = Failure(Provider("zoo-a", "1.2", "plugin"), "cannot be loaded: KeyError: 'x'")
    assert Registry([], [failure]).failures == (failure,)
    assert str(failure) == "plugin zoo-a 1.2: cannot be loaded: KeyError: 'x'"


ROOT = Path(__file__).parents[2]


def schemas_of(kind: str) -> list[str]:
    return sorted(path.stem for path in (ROOT / "schemas" / kind).glob("*.json"))


def test_the_built_ins() -> None:
    registry = load_registry(discover({"ZOO_PLUGINS": ""}))
    assert registry.failures == ()
    assert {item.provider.distribution for item in registry} == {"zoo"}
    assert {item.provider.entry_point for item in registry} == {"builtins"}
    assert registry.names("layer") == schemas_of("layer")
    assert registry.names("loss") == ["l1", "mse"]
    assert registry.names("optimizer") == ["adam", "sgd"]
    assert registry.names("initializer") == [
        "constant",
        "he_normal",
        "he_uniform",
        "normal",
        "pytorch",
        "uniform",
        "xavier_normal",
        "xavier_uniform",
        "zeros",
    ]
    assert registry.names("schedule") == ["constant", "cosine", "one_cycle", "step"]
    assert registry.names("noise") == [
        "bernoulli",
        "gaussian",
        "impulse",
        "none",
        "pixel_sampling",
        "poisson",
        "poisson_gaussian",
        "text",
    ]
    assert registry.names("pairing") == ["blind_spot", "clean", "neighbors", "noisy"]
    sources = ["burst", "demo", "folder", "frames", "pairs", "pkl"]
    assert registry.names("source") == sources
