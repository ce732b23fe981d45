"""``@zoo.layer``: a record from a shape rule, and what is said where one is wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import zoo
from zoo import LayerInfo
from zoo.errors import PluginError, ShapeError
from zoo.plugins.discovery import discover
from zoo.plugins.registry import load_registry

Shape = tuple[int, ...]


@zoo.layer(
    "zoo_blur.blur:Blur", cases=".cases:BLUR", torch_reference=".torch:blur", onnx=".onnx:blur"
)
def blur(
    where: str,
    shape: Shape,
    channels: int = zoo.integer(minimum=1, inferred=0, description="Of the input."),
    width: int = zoo.integer(minimum=1, description="Of a window."),
    sigma: float = zoo.number(1.5, above=0, description="Of the bell."),
    border: str | None = zoo.choice("zeros", "mirror", default=None, description="What is beyond."),
) -> LayerInfo | Shape:
    """A blur by a bell.

    The second paragraph is no part of the summary.
    """
    if len(shape) != 3:
        raise ShapeError(f"{where}: no image.")
    if width == 1:
        return (shape[0], *shape[1:])
    return LayerInfo((channels, shape[1] - width + 1, shape[2]), parameters=int(10 * sigma))


def test_the_record() -> None:
    assert isinstance(blur, zoo.LayerEntry)
    assert (blur.kind, blur.name, blur.summary) == ("layer", "blur", "A blur by a bell")
    assert blur.factory == "zoo_blur.blur:Blur"
    assert blur.cases == f"{__name__.rpartition('.')[0]}.cases:BLUR"
    assert blur.torch_reference == f"{__name__.rpartition('.')[0]}.torch:blur"
    assert blur.onnx == f"{__name__.rpartition('.')[0]}.onnx:blur"
    assert blur.shape_rule == f"{__name__}:blur"
    assert blur.inferred == {"channels": 0}
    assert blur.schema == {
        "title": "A blur by a bell",
        "type": "object",
        "properties": {
            "channels": {"type": "integer", "minimum": 1, "description": "Of the input."},
            "width": {"type": "integer", "minimum": 1, "description": "Of a window."},
            "sigma": {
                "type": "number",
                "exclusiveMinimum": 0,
                "description": "Of the bell.",
                "default": 1.5,
            },
            "border": {"enum": ["zeros", "mirror"], "description": "What is beyond."},
        },
        "required": ["width"],
        "additionalProperties": False,
    }


def test_the_shape_rule() -> None:
    rule = blur.load_shape_rule()
    given = {"channels": 3, "width": 2, "sigma": 0.5}
    assert rule("here", given, (3, 6, 5)) == LayerInfo((3, 5, 5), parameters=5)
    assert rule("here", {**given, "width": 1}, (3, 6, 5)) == LayerInfo((3, 6, 5))
    with pytest.raises(ShapeError) as caught:
        rule("here", given, (6, 5))
    assert str(caught.value) == "here: no image."
    assert blur.output_shape("Blur", [3, 6, 5], channels=3, width=2, sigma=1) == (3, 5, 5)


def no_docstring(where: str, shape: Shape) -> Shape:
    return shape


def undeclared(where: str, shape: Shape, size: int = 2) -> Shape:
    """A layer."""
    return shape


def no_default(where: str, shape: Shape, size: int) -> Shape:
    """A layer."""
    return shape


def too_few(where: str) -> Shape:
    """A layer."""
    return ()


def no_description(where: str, shape: Shape, size: int = zoo.integer(description="")) -> Shape:
    """A layer."""
    return shape


def UpperCase(where: str, shape: Shape) -> Shape:  # noqa: N802  # the mistake
    """A layer."""
    return shape


UNDECLARED = (
    ": the shape rule's argument 'size' is not declared. Give it a default such as "
    "zoo.integer(1, minimum=1, description=...)."
)


@pytest.mark.parametrize(
    ("rule", "factory", "message"),
    [
        (
            no_docstring,
            ".blur:Blur",
            "layer 'no_docstring': the shape rule has no docstring. Begin it with a summary.",
        ),
        (undeclared, ".blur:Blur", f"layer 'undeclared'{UNDECLARED}"),
        (no_default, ".blur:Blur", f"layer 'no_default'{UNDECLARED}"),
        (
            too_few,
            ".blur:Blur",
            "layer 'too_few': the shape rule takes fewer than two arguments. Take how a message "
            "begins, the shape of an input, and the parameters.",
        ),
        (
            no_description,
            ".blur:Blur",
            "layer 'no_description': schema: properties.size.description is ''. Write some text.",
        ),
        (
            UpperCase,
            ".blur:Blur",
            "layer 'UpperCase': not a usable name. Use lower-case letters, digits and underscores.",
        ),
        (
            blur.rule,
            "Blur",
            "layer 'blur': factory is 'Blur'. Write it as 'package.module:Class'.",
        ),
    ],
)
def test_what_is_wrong_is_said(rule: Callable[..., Shape], factory: str, message: str) -> None:
    with pytest.raises(PluginError) as caught:
        zoo.layer(factory)(rule)
    assert str(caught.value) == message


def test_a_module_in_no_package_has_no_own_package() -> None:
    def alone(where: str, shape: Shape) -> Shape:
        """A layer."""
        return shape

    alone.__module__ = "alone"
    with pytest.raises(PluginError) as caught:
        zoo.layer(".blur:Blur")(alone)
    assert str(caught.value) == (
        "layer 'alone': factory is '.blur:Blur', and alone is in no package. "
        "Write the module's whole name."
    )


# In a plugin.

RULES = '''
import zoo

@zoo.layer(".layers:Same")
def {name}(where, shape):
    """The same."""
    return shape
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """``package(plugin=..., other=...)``: the layers found in a plugin of those modules."""

    def install(**modules: str) -> list[str]:
        folder = tmp_path / "zoo_own"
        folder.mkdir()
        for name, code in {"__init__": "", **modules}.items():
            (folder / f"{name}.py").write_text(code)
        info = tmp_path / "zoo_own-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-own\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[zoo]\nplugin = zoo_own.plugin\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        registry = load_registry(discover({"ZOO_PLUGINS": "zoo-own"}))
        for name in ("zoo_own", *(f"zoo_own.{name}" for name in modules)):
            sys.modules.pop(name, None)
        found = [item.entry.name for item in registry if item.provider.distribution == "zoo-own"]
        return [*found, *map(str, registry.failures)]

    return install


def test_those_of_the_entry_points_module_are_found(package: Callable[..., list[str]]) -> None:
    assert package(plugin=RULES.format(name="here")) == ["here"]


def test_those_that_it_imports_from_its_package_too(package: Callable[..., list[str]]) -> None:
    plugin = "from zoo_own.rules import there\n" + RULES.format(name="here") + "\nagain = here\n"
    assert package(plugin=plugin, rules=RULES.format(name="there")) == ["here", "there"]


def test_but_not_those_of_others(package: Callable[..., list[str]]) -> None:
    plugin = f"from {__name__} import blur\n" + RULES.format(name="here")
    assert package(plugin=plugin) == ["here"]


def test_a_wrong_declaration_is_told_as_the_plugins(package: Callable[..., list[str]]) -> None:
    assert package(plugin=RULES.format(name="here").replace("The same.", "")) == [
        "plugin zoo-own 1.0: cannot be loaded: layer 'here': the shape rule has no docstring. "
        "Begin it with a summary."
    ]
