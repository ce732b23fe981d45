"""What zoo and its plugins require, and the versions that they are tested with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest
import tomli
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECTS = [ROOT / "pyproject.toml", *sorted(ROOT.glob("plugins/*/pyproject.toml"))]
OWN = {tomli.loads(path.read_text("utf-8"))["project"]["name"] for path in PROJECTS}
LINES = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
PINS = [Requirement(line) for line in LINES if not line.startswith("#")]


def project(path: Path) -> Mapping[str, Any]:
    content: Mapping[str, Any] = tomli.loads(path.read_text("utf-8"))["project"]
    return content


def required(path: Path) -> Iterator[Requirement]:
    """All requirements of a distribution, those of its extras too."""
    content = project(path)
    extras = content.get("optional-dependencies", {}).values()
    for text in [*content["dependencies"], *(text for extra in extras for text in extra)]:
        yield Requirement(text)


@pytest.mark.parametrize("path", PROJECTS, ids=lambda path: path.parent.name)
def test_requirements_are_lower_bounds(path: Path) -> None:
    """An upper bound would downgrade what is installed; only plugins are for one version of zoo."""
    for requirement in required(path):
        operators = {specifier.operator for specifier in requirement.specifier}
        expected = {">=", "<"} if requirement.name in OWN else {">="}
        assert operators == expected, requirement


@pytest.mark.parametrize("path", PROJECTS, ids=lambda path: path.parent.name)
def test_all_requirements_are_pinned_within_their_bounds(path: Path) -> None:
    pins = {pin.name: pin for pin in PINS}
    for requirement in required(path):
        if requirement.name not in OWN:
            (pinned,) = pins[requirement.name].specifier
            assert pinned.version in requirement.specifier, requirement


def test_the_constraints_are_exact_sorted_and_for_every_platform() -> None:
    names = [pin.name for pin in PINS]
    assert names == sorted({canonicalize_name(name) for name in names})
    for pin in PINS:
        assert [specifier.operator for specifier in pin.specifier] == ["=="], pin
        assert "+" not in str(pin.specifier), pin  # a label is of one build of torch


def test_versions_are_pinned_for_the_pythons_that_they_support() -> None:
    """What is installed in the pinned version says which."""
    installed = {canonicalize_name(item.name): item for item in distributions()}
    pins = [
        pin
        for pin in PINS
        if pin.name in installed and installed[pin.name].version in pin.specifier
    ]
    if not pins:
        pytest.skip("nothing is installed in the version of constraints.txt")
    for pin in pins:
        supported = SpecifierSet(installed[pin.name].metadata.json.get("requires_python", ""))
        for python in ("3.10.13", "3.11.7", "3.12.1", "3.13.0", "3.14.0"):
            machine = {
                "python_version": python.rpartition(".")[0],
                "python_full_version": python,
                "sys_platform": "linux",
            }
            applies = pin.marker is None or pin.marker.evaluate(machine)
            assert applies == (python in supported), f"{pin} on Python {python}"
