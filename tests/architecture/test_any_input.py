"""Whatever a file holds, it is read or refused with an ArchitectureError of one-line messages."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import tomli
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.architecture import parse_architecture, read_architecture
from zoo.architecture.check import check
from zoo.discovery import discover
from zoo.errors import ArchitectureError, Problem
from zoo.registry import load_registry

REGISTRY = load_registry(discover({"ZOO_PLUGINS": ""}))
VALID = tomli.loads(
    """
    format = 1
    name = "net"
    description = "has a value at every key"
    input = { channels = 3, height = 8, width = 8 }
    loss = { type = "mse" }
    optimizer = { type = "sgd", lr = 0.5, momentum = 0.9 }

    [[layers]]
    type = "conv2d"
    out_channels = 3
    kernel_size = [3, 3]
    padding = "same"
    init = { type = "he_normal", mode = "fan_in" }

    [[layers]]
    type = "relu"

    [data]
    source = { type = "pairs", folder = "shots", suffixes = ["_a", "_b"] }
    validation = "photos"
    validation_fraction = 0.1
    noise = { type = "gaussian", sigma = [0, 50] }
    evaluation_noise = { type = "gaussian", sigma = 25 }
    target = "noisy"
    samples_per_epoch = 8
    augment = { flip = true, transpose = true, rotate = true, noise = 0.1 }

    [train]
    epochs = 1
    batch_size = 4
    schedule = { type = "step", every = 2 }
    seed = 0
    """
)
TomlPath = tuple[str | int, ...]


def paths(value: Any, path: TomlPath = ()) -> list[TomlPath]:
    """The path of every value in a document, the whole document's first."""
    items = value.items() if isinstance(value, dict) else []
    items = enumerate(value) if isinstance(value, list) else items
    return [path, *(found for key, item in items for found in paths(item, (*path, key)))]


def put(document: Any, path: TomlPath, value: Any) -> dict[str, Any]:
    changed = {"": deepcopy(document)}
    node: Any = changed
    for key in ("", *path)[:-1]:
        node = node[key]
    node[("", *path)[-1]] = value
    result: dict[str, Any] = changed[""]
    return result


NAMES = sorted({item.entry.name for item in REGISTRY})
KEYS = st.text(max_size=8) | st.sampled_from(["type", "path", "lr", "init", "0", "a\nb"])
VALUES = st.recursive(
    st.booleans()
    | st.integers()
    | st.integers(min_value=10**300, max_value=10**400)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(NAMES)
    | st.datetimes()
    | st.dates()
    | st.times(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=6,
)
PLENTY = settings(max_examples=200, derandomize=True, deadline=None, database=None)


def refused(problems: tuple[Problem, ...], file: str = "net.toml") -> None:
    assert problems
    assert len({str(problem) for problem in problems}) == len(problems)
    for problem in problems:
        assert "\n" not in str(problem)
        assert str(problem).startswith(file)
        assert str(problem).endswith(".")


def test_the_document_is_valid() -> None:
    _, problems = check(VALID, REGISTRY, "net.toml", Path("/models"))
    assert problems == []


@PLENTY
@given(content=st.binary(max_size=200))
def test_any_bytes(content: bytes, tmp_path_factory: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "net.toml"
    path.write_bytes(content)
    try:
        read_architecture(path, REGISTRY)
    except ArchitectureError as error:
        refused(error.problems, str(path))


@PLENTY
@given(start=st.integers(0, 700), length=st.integers(0, 20), insert=st.text(max_size=12))
def test_a_damaged_file(start: int, length: int, insert: str) -> None:
    text = tomli_w.dumps(VALID)
    damaged = text[:start] + insert + text[start + length :]
    try:
        parse_architecture(damaged, REGISTRY, "net.toml", Path("/models"))
    except ArchitectureError as error:
        refused(error.problems)


@PLENTY
@given(path=st.sampled_from(paths(VALID)[1:]), value=VALUES)
def test_any_value_at_any_key(path: TomlPath, value: Any) -> None:
    document = put(VALID, path, value)
    resolved, problems = check(document, REGISTRY, "net.toml", Path("/models"))
    if problems:
        refused(tuple(problems))
    else:
        again, problems = check(
            tomli.loads(tomli_w.dumps(resolved)), REGISTRY, "net.toml", Path("/elsewhere")
        )
        assert problems == []
        assert again == resolved


@PLENTY
@given(path=st.sampled_from([p for p in paths(VALID) if p[-1:] != ("kernel_size",)]), key=KEYS)
def test_any_new_key_in_any_table(path: TomlPath, key: str) -> None:
    table: Any = VALID
    for step in path:
        table = table[step]
    if not isinstance(table, dict) or key in table:
        return
    _, problems = check(put(VALID, (*path, key), 3), REGISTRY, "net.toml", Path("/models"))
    refused(tuple(problems))
