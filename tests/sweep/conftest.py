from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tiny import TINY
from zoo.plugins.discovery import discover
from zoo.plugins.registry import Registry, load_registry
from zoo.sweep import Plan, ResultTable, expand_plan, read_plan

HEAD = 'format = 1\narchitecture = "tiny.toml"\n'


@pytest.fixture(scope="session")
def registry() -> Registry:
    return load_registry(discover({"ZOO_PLUGINS": ""}))


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Plan]:
    """``read(text)``: the plan ``plan.toml`` with that text below its first two lines."""
    monkeypatch.chdir(tmp_path)
    Path("tiny.toml").write_text(TINY)

    def read(text: str, *arguments: object, head: str = HEAD) -> Plan:
        Path("plan.toml").write_text(head + text, "utf-8")
        return read_plan(Path("plan.toml"), *arguments)  # type: ignore[arg-type]  # a test's

    return read


@pytest.fixture
def expand(read: Callable[..., Plan], registry: Registry) -> Callable[..., ResultTable]:
    """``expand(text)``: the first table of that plan, expanded."""

    def expand(text: str, *arguments: object, head: str = HEAD) -> ResultTable:
        return expand_plan(read(text, *arguments, head=head), registry)[0]

    return expand
