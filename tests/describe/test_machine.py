from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from zoo.describe import machine
from zoo.describe.machine import OptionalPart, optional_parts, short_path, variables
from zoo.version import VERSION


def test_the_home_folder_is_shortened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    assert short_path(Path("/home/anna/x/anna")) == "~/x/anna"
    assert short_path("/a:/home/anna:/home/anna/b:/home/annabel") == "/a:~:~/b:/home/annabel"
    monkeypatch.setenv("HOME", "/")
    assert short_path("/usr/bin/python") == "/usr/bin/python"


def test_only_variables_that_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    environment = {
        "ZOO_PLUGINS": "zoo-x",
        "OMP_NUM_THREADS": "3",
        "PYTHONPATH": "/home/anna/lib",
        "SECRET_TOKEN": "abc",
        "MY_OMP_THING": "1",
    }
    assert variables(environment) == {
        "OMP_NUM_THREADS": "3",
        "PYTHONPATH": "~/lib",
        "ZOO_PLUGINS": "zoo-x",
    }


def test_optional_parts_are_those_of_the_extras(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        "click>=8",
        "numpy>=1; extra == 'fast'",
        "zoo-none>=2; extra == 'fast'",
        "zoo-elsewhere; (sys_platform == 'plan9') and extra == 'fast'",
        "pytest; extra == 'test'",
    ]
    info = tmp_path / f"zoo-{VERSION}.dist-info"
    info.mkdir()
    head = f"Name: zoo\nVersion: {VERSION}\n"
    (info / "METADATA").write_text(head + "".join(f"Requires-Dist: {line}\n" for line in lines))
    monkeypatch.syspath_prepend(str(tmp_path))
    assert optional_parts() == [
        OptionalPart("numpy", "fast", metadata.version("numpy")),
        OptionalPart("zoo-none", "fast", None),
    ]


def test_limits_that_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource", reason="there are no such limits on Windows")

    def limits(which: int) -> Iterator[int]:
        return iter((4096 if which == resource.RLIMIT_AS else resource.RLIM_INFINITY, 0))

    monkeypatch.setattr(resource, "getrlimit", limits)
    assert list(machine.process_limits()) == [("address space, bytes", 4096)]
