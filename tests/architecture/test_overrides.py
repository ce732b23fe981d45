"""Values from the command line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import tomli

from zoo.architecture import Architecture
from zoo.architecture.document import File, SourceLocation, literal
from zoo.architecture.overrides import apply_overrides, parse_overrides
from zoo.errors import ArchitectureError

NO_KEYS = "which has no keys. Use a key of a table."


def refused(build: Callable[[], object]) -> str:
    with pytest.raises(ArchitectureError) as caught:
        build()
    return str(caught.value)


def parsed(*texts: str) -> object:
    return parse_overrides(texts, Path("/models"))


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("train.epochs=3", ("train", "epochs"), 3),
        (" train . epochs =  3 ", ("train", "epochs"), 3),
        ("name='a=b'", ("name",), "a=b"),
        ("layers.0.bias=false", ("layers", "0", "bias"), False),
        ("lr=1e-3", ("lr",), 1e-3),
        ("\"a.b\".'c d'.e=[1, 2]", ("a.b", "c d", "e"), [1, 2]),
        ('noise={ type = "gaussian" }', ("noise",), {"type": "gaussian"}),
        ('text="line\\nbreak"  # a comment', ("text",), "line\nbreak"),
    ],
)
def test_a_key_and_a_value(text: str, path: tuple[str, ...], value: Any) -> None:
    first, second = parse_overrides(["a=1", text], Path("/models"))
    assert (second.path, second.value) == (path, value)
    assert second.location == SourceLocation(
        File("--set", Path("/models"), f"a=1\n{text}"), path, 2, 1
    )
    assert (first.location.line, first.location.column) == (1, 1)


@pytest.mark.parametrize(
    "word",
    [
        *("adam", "one_cycle", "../photos/", "~/photos", "/a/b", "first,second", "burst:x"),
        *("a.b-c", "é", "True", "tru", "falsey", "infinite", "C:\\a"),
    ],
)
def test_a_word_is_text(word: str) -> None:
    (override,) = parse_overrides([f"a = {word} "], Path("/models"))
    assert override.value == word


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("inf", float("inf")), ("1979-05-27", date(1979, 5, 27))]
)
def test_a_word_that_is_a_toml_value(text: str, value: Any) -> None:
    (override,) = parse_overrides([f"a={text}"], Path("/models"))
    assert override.value == value


@pytest.mark.parametrize(
    "key", ["", " ", ".a", "a.", "a..b", "a b", "é", "[a]", "#a", "[a]#", "'a"]
)
def test_what_is_no_key(key: str) -> None:
    assert refused(lambda: parsed(f"{key}=1")) == (
        f'--set:1:1: "{key.strip()}" is not a key. Write keys joined by dots, such as optimizer.lr.'
    )


@pytest.mark.parametrize(
    "value", ["", "a b", "1 2", "1, 2", "'a", "[1", "{a = 1", "1\nb = 2", "1e"]
)
def test_what_is_no_value(value: str) -> None:
    assert refused(lambda: parsed(f"a={value}")) == (
        f"--set:1:1: a: {value!r} is not a TOML value. "
        "Write a number, true, false, one word, a list such as [0, 4095], a table, or text in "
        "quotes."
    )


def test_no_equals_sign_and_all_mistakes_at_once() -> None:
    assert refused(lambda: parsed("train.epochs", "a=1", "b")).splitlines() == [
        "--set:1:1: \"train.epochs\" has no '='. Write KEY=VALUE, such as train.epochs=3.",
        "--set:3:1: \"b\" has no '='. Write KEY=VALUE, such as train.epochs=3.",
    ]


def applied(document: dict[str, Any], *changes: str) -> Any:
    root = literal(document, SourceLocation(File("net.toml", Path(), ""), ()))
    return apply_overrides(root, parse_overrides(changes, Path())).plain()


def test_overrides_are_applied_in_order_to_a_copy() -> None:
    document = {"train": {"epochs": 1}, "layers": [{"type": "relu"}]}
    changed = applied(
        document, "train.epochs=2", "train.seed=5", "train.epochs=3", "layers.0.x=[1]"
    )
    assert changed == {
        "train": {"epochs": 3, "seed": 5},
        "layers": [{"type": "relu", "x": [1]}],
    }
    assert document == {"train": {"epochs": 1}, "layers": [{"type": "relu"}]}


def test_tables_on_the_way_are_made() -> None:
    assert applied({}, "a.b.c=1") == {"a": {"b": {"c": 1}}}


def test_a_table_replaces_a_table_whole() -> None:
    document = {"optimizer": {"type": "sgd", "lr": 0.5, "momentum": 0.9}}
    assert applied(document, "optimizer={type='adam'}") == {"optimizer": {"type": "adam"}}


def test_items_of_lists_are_replaced_by_index() -> None:
    document = {"layers": [{"k": [3, 3]}, {"k": 5}]}
    changed = applied(document, "layers.0.k.1=7", "layers.1={k=1}")
    assert changed == {"layers": [{"k": [3, 7]}, {"k": 1}]}


def test_a_name_is_expanded_to_a_table() -> None:
    document = {"optimizer": "adam", "layers": ["relu"]}
    assert applied(document, "optimizer.lr=0.1", "layers.0.slope=0.2") == {
        "optimizer": {"type": "adam", "lr": 0.1},
        "layers": [{"type": "relu", "slope": 0.2}],
    }


@pytest.mark.parametrize(
    ("document", "change", "message"),
    [
        ({"train": 5}, "train.epochs=3", f"train is 5, {NO_KEYS}"),
        ({"a": {"b": True}}, "a.b.c.d=3", f"a.b is true, {NO_KEYS}"),
        ({"a": [1, [2]]}, "a.0.b=3", f"a.0 is 1, {NO_KEYS}"),
        (
            {"a b": {"c": 1.5}},
            '"a b".c.d=3',
            f'"a b".c is 1.5, {NO_KEYS}',
        ),
        ({"layers": [1, 2]}, "layers.2.k=3", 'layers has no item "2". Use 0 to 1.'),
        ({"layers": [1, 2]}, "layers.x=3", 'layers has no item "x". Use 0 to 1.'),
        ({"layers": [1, 2]}, "layers.-1=3", 'layers has no item "-1". Use 0 to 1.'),
        ({"a": {"layers": []}}, "a.layers.0=3", 'a.layers has no item "0". It is empty.'),
    ],
)
def test_paths_that_lead_nowhere(document: dict[str, Any], change: str, message: str) -> None:
    path = change.partition("=")[0].replace("layers.", "layers.")
    assert refused(lambda: applied(document, change)) == f"--set:1:1: {path}: {message}"


def test_overrides_are_checked_like_the_file(small: Callable[..., Architecture]) -> None:
    changes = ("train.epochs=0", "optimizer='adam'", "optimizer.lr=nan", "trian.epochs=3")
    assert refused(lambda: small(*changes)).splitlines() == [
        "--set:1:1: train.epochs: is 0. Use an integer >= 1.",
        "--set:3:1: optimizer.lr: is nan. Use a finite number >= 0.",
        "--set:4:1: trian: is not a known key. Known keys: blocks, data, description, extends, "
        "format, input, layers, loss, name, optimizer, plugins, train, vars. Did you mean train?",
    ]


def test_an_override_can_mend_a_file(small: Callable[..., Architecture]) -> None:
    text = small().text.replace("epochs = 10", "epochs = 0")
    assert small("train.epochs = 10", text=text) == small()


def test_extends_cannot_be_set() -> None:
    assert refused(lambda: parsed('extends="other.toml"')) == (
        "--set:1:1: extends: cannot be set here. Write a file that extends another."
    )


def put(text: str, *overrides: str) -> Any:
    location = SourceLocation(File("x.toml", Path(), text), ())
    document = literal(tomli.loads(text), location, location)
    return apply_overrides(document, parse_overrides(overrides, Path())).plain()


def test_a_key_of_what_a_table_is_by_default() -> None:
    assert put("", "optimizer.lr=0.1") == {"optimizer": {"type": "adam", "lr": 0.1}}
    assert put("", "train.schedule.final=0") == {
        "train": {"schedule": {"type": "constant", "final": 0}}  # told when it is checked
    }
    assert put("", "data.noise.sigma=3") == {"data": {"noise": {"sigma": 3}}}
    assert put("", "optimizer.type=sgd") == {"optimizer": {"type": "sgd"}}


def test_another_type_brings_its_own_keys() -> None:
    text = "[optimizer]\ntype = 'adam'\nlr = 1\neps = 2"
    assert put(text, "optimizer.type=adam")["optimizer"] == {"type": "adam", "lr": 1, "eps": 2}
    assert put(text, "optimizer.type=sgd")["optimizer"] == {"type": "sgd"}
    for order in (
        ["optimizer.type=sgd", "optimizer.lr=3"],
        ["optimizer.lr=3", "optimizer.type=sgd"],
    ):
        assert put(text, *order)["optimizer"] == {"type": "sgd", "lr": 3}


@pytest.mark.parametrize("text", ["a=" + 5000 * "[", "a" + 5000 * ".a" + "=1"])
def test_what_is_nested_too_deeply(text: str) -> None:
    assert refused(lambda: parsed(text)).endswith(
        "is nested too deeply. An architecture has a few levels."
    )
