"""Any valid architecture, drawn from the schemas, is read, is built, and resolves to itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests import containers
from tests.architecture.generate import Drawn, architectures
from tests.architecture.spelling import spelled
from tests.draws import draws
from zoo.architecture import Architecture, parse_architecture, read_architecture
from zoo.compiler import Compiler
from zoo.nn import Sequential
from zoo.plugins.registry import Registry

DRAWN = draws(120)


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with containers.installed() as registry:
        yield registry


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("generated")


def written(drawn: Drawn, folder: Path) -> Path:
    for name, text in drawn.texts().items():
        (folder / name).write_text(text, "utf-8", newline="")
    return folder / "net.toml"


def network(spec: Architecture, registry: Registry) -> Sequential:
    return Compiler(spec, registry).model(torch.Generator().manual_seed(0))


@DRAWN
@given(data=st.data())
def test_it_is_read_and_built(data: st.DataObject, registry: Registry, folder: Path) -> None:
    drawn = data.draw(architectures(registry))
    spec = read_architecture(written(drawn, folder), registry)
    model = network(spec, registry)
    assert model.output_shape(spec.input.shape) == spec.input.shape
    assert sum(item.value.numel() for item in model.param()) == spec.shapes.info.parameters > 0

    # its blocks, variables, bodies by name and base file mean what they stand for
    plain = parse_architecture(spelled(drawn.plain, 0), registry, "plain.toml", folder)
    assert plain.text == spec.text

    # its resolved text is read as the same thing, wherever it stands
    again = parse_architecture(spec.text, registry, "resolved.toml", Path("/elsewhere"))
    assert again.text == spec.text
    same = network(again, registry)
    assert same.output_shape(spec.input.shape) == spec.input.shape
    state, its_state = model.state_dict(), same.state_dict()
    assert list(state) == list(its_state)
    for name, value in state.items():
        assert torch.equal(value, its_state[name]), name
