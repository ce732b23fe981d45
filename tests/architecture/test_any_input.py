"""Whatever a file holds, it is read or refused with an ArchitectureError of one-line messages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests import containers
from tests.architecture.generate import (
    Drawn,
    TomlPath,
    architectures,
    get,
    paths_of,
    put,
)
from tests.architecture.spelling import spelled
from tests.draws import draws
from zoo.architecture import read_architecture
from zoo.architecture.positions import LineStarts, normalised
from zoo.errors import ArchitectureError, Problem
from zoo.plugins.registry import Registry

PLENTY = draws(200)

# no value in an architecture can be one of these
NEVER_RIGHT = ["1979-05-27", "07:32:00", "1979-05-27T07:32:00Z", "nan", "-inf", str(2**63)]
HERE = "@@HERE@@"
WRITTEN_HERE = re.compile(rf"(\"\"\"|'''|\"|')(\r?\n)?{HERE}\1")

KEYS = st.text(max_size=8) | st.sampled_from(["type", "path", "lr", "var", "use", "body", "a\nb"])
VALUES = st.recursive(
    st.booleans()
    | st.integers()
    | st.integers(min_value=10**300, max_value=10**301)
    | st.floats()
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.sampled_from(["relu", "conv2d", "adam", "block", "residual", "he_normal", "v0", "w0"])
    | st.datetimes()
    | st.dates()
    | st.times(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with containers.installed() as registry:
        yield registry


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any")


def problems(texts: Mapping[str, str], folder: Path, registry: Registry) -> tuple[Problem, ...]:
    """What is wrong with ``net.toml``; checks that it is said well."""
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8", newline="")
    try:
        read_architecture(folder / "net.toml", registry)
    except ArchitectureError as error:
        found = error.problems
    else:
        return ()
    assert found
    assert len({str(problem) for problem in found}) == len(found)
    for problem in found:
        assert_readable(problem, {str(folder / name): text for name, text in texts.items()})
    return found


def assert_readable(problem: Problem, texts: Mapping[str, str]) -> None:
    """One line, at a place within a file."""
    line = str(problem)
    assert line.splitlines() == [line]
    assert line.isprintable()
    assert line.endswith((".", "?"))
    assert problem.file in texts
    lines = normalised(texts[problem.file]).split("\n")
    if problem.line is None or problem.column is None:
        assert "nested too deeply" in line
    else:
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1


@PLENTY
@given(content=st.binary(max_size=200))
def test_any_bytes(content: bytes, registry: Registry, folder: Path) -> None:
    path = folder / "bytes.toml"
    path.write_bytes(content)
    with pytest.raises(ArchitectureError) as caught:
        read_architecture(path, registry)
    for problem in caught.value.problems:
        assert str(problem).splitlines() == [str(problem)]
        assert str(problem).startswith(f"{path}:")


@PLENTY
@given(data=st.data())
def test_a_damaged_text(data: st.DataObject, registry: Registry, folder: Path) -> None:
    texts = data.draw(architectures(registry)).texts()
    name = data.draw(st.sampled_from(sorted(texts)))
    start = data.draw(st.integers(0, len(texts[name])))
    length = data.draw(st.integers(0, 30))
    insert = data.draw(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
        | st.sampled_from(["[", "]", '"', "'''", "=", "{ var =", "[[", "\n", "#", ".", ","])
        | st.just(texts[name][start : start + length] * 2)
    )
    texts[name] = texts[name][:start] + insert + texts[name][start + length :]
    problems(texts, folder, registry)


@PLENTY
@given(data=st.data())
def test_a_changed_document(data: st.DataObject, registry: Registry, folder: Path) -> None:
    drawn = data.draw(architectures(registry))
    files = deepcopy(dict(drawn.files))
    name = data.draw(st.sampled_from(sorted(files)))
    paths = [path for path in paths_of(files[name]) if path]
    assume(paths)
    files[name] = changed(data, files[name], data.draw(st.sampled_from(paths)), paths)
    texts = {name: spelled(document, drawn.seed) for name, document in files.items()}
    problems(texts, folder, registry)


def _overlap(path: TomlPath, other: TomlPath) -> bool:
    return path == other[: len(path)] or other == path[: len(other)]


def changed(
    data: st.DataObject, document: dict[str, Any], path: TomlPath, paths: list[TomlPath]
) -> Any:
    """The document with one thing in it deleted, doubled, renamed, exchanged or replaced."""
    value, parent = get(document, path), get(document, path[:-1])
    match data.draw(st.sampled_from(["delete", "double", "rename", "exchange", "replace"])):
        case "delete":
            del parent[path[-1]]
        case "double" if isinstance(parent, list):
            parent.insert(0, value)
        case "rename" if isinstance(parent, dict):
            parent[data.draw(KEYS)] = parent.pop(path[-1])
        case "exchange":
            apart = [other for other in paths if not _overlap(other, path)]
            other = data.draw(st.sampled_from([path, *apart]))
            parent[path[-1]] = get(document, other)
            put(document, other, value)
        case _:
            parent[path[-1]] = data.draw(VALUES)
    return document


@PLENTY
@given(data=st.data())
def test_one_wrong_value_is_reported_where_it_stands(
    data: st.DataObject, registry: Registry, folder: Path
) -> None:
    drawn = data.draw(architectures(registry))
    name, path = data.draw(st.sampled_from(list(effective(drawn))))
    literal = data.draw(st.sampled_from(NEVER_RIGHT))
    files = deepcopy(dict(drawn.files))
    files[name] = put(files[name], path, HERE)
    texts = {name: spelled(document, drawn.seed) for name, document in files.items()}
    before, _, _, after = WRITTEN_HERE.split(texts[name])
    texts[name] = before + literal + after

    found = problems(texts, folder, registry)
    text, start = normalised(texts[name]), len(normalised(before))
    assert text[start:].startswith(literal)
    place = (str(folder / name), *LineStarts(text).line_and_column(start))
    elsewhere = [item for item in found if (item.file, item.line, item.column) != place]
    assert len(elsewhere) < len(found)
    # a block may have lost a variable with the value that was replaced
    assert all("is no variable of the block" in item.message for item in elsewhere)


def effective(drawn: Drawn) -> Iterator[tuple[str, TomlPath]]:
    """The file and path of every value that counts: not those of the base that are replaced."""
    own = drawn.files["net.toml"]
    for name, document in drawn.files.items():
        for path in paths_of(document):
            if path and (name == "net.toml" or not _is_replaced(path, own)):
                yield name, path


def _is_replaced(path: TomlPath, own: Any) -> bool:
    for key in path:
        if not isinstance(own, dict):
            return True
        if key not in own:
            return False
        own = own[key]
    return True
