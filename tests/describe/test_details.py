from __future__ import annotations

import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import tomli

from zoo.architecture.blocks import expand
from zoo.architecture.check import check
from zoo.architecture.document import parse
from zoo.describe import Details, details, find_definition
from zoo.describe.docstring import read_docstring
from zoo.plugins.discovery import Provider, discover
from zoo.plugins.records import LayerEntry
from zoo.plugins.registry import Registered, Registry, load_registry

BUILT_IN = list(load_registry(discover({"ZOO_PLUGINS": ""})))
IDS = [f"{item.entry.kind}-{item.entry.name}" for item in BUILT_IN]
WITH_A_LAYER = """
format = 1
name = "net"
input = { channels = 3, height = 32, width = 32 }
[[layers]]
type = "conv2d"
out_channels = 3
kernel_size = 1
"""


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry(discover({"ZOO_PLUGINS": ""}))


@pytest.mark.parametrize("item", BUILT_IN, ids=IDS)
def test_finds_what_importing_finds(item: Registered) -> None:
    module, _, name = item.entry.factory.partition(":")
    factory = getattr(import_module(module), name)
    found = find_definition(item.entry.factory)
    assert found is not None
    assert found.file.samefile(str(inspect.getsourcefile(factory)))
    line = found.file.read_text("utf-8").splitlines()[found.line - 1]
    assert line.startswith((f"class {factory.__name__}", f"def {factory.__name__}"))
    assert found.docstring == inspect.getdoc(factory)


@pytest.mark.parametrize("item", BUILT_IN, ids=IDS)
def test_the_example_is_valid(item: Registered, registry: Registry) -> None:
    """It stands in a file as it is; only an initializer needs a layer around it."""
    example = details(item, registry).example
    text = f"{WITH_A_LAYER}\n{example}"
    node = parse(text, "net.toml", Path())
    expanded = expand(node, registry)
    checked = check(expanded.document, registry)
    assert [str(problem) for problem in [*expanded.problems, *checked.problems]] == []
    assert item.entry.name in str(tomli.loads(example))


EXAMPLES = {
    "layer-conv2d": '[[layers]]\ntype = "conv2d"\nout_channels = 32\nkernel_size = 3',
    "layer-relu": '[[layers]]\ntype = "relu"',
    "loss-mse": '[loss]\ntype = "mse"',
    "initializer-zeros": 'init = "zeros"',
    "schedule-step": '[train]\nschedule = { type = "step", every = 5 }',
    "noise-gaussian": '[data]\nnoise = "gaussian"',
    "source-demo": '[data]\nsource = "demo"',
    "source-pairs": '[data]\nsource = { type = "pairs", folder = "path/to/images" }',
}


@pytest.mark.parametrize(("name", "example"), EXAMPLES.items(), ids=EXAMPLES)
def test_examples(name: str, example: str, registry: Registry) -> None:
    (item,) = (item for item, each in zip(BUILT_IN, IDS, strict=True) if each == name)
    assert details(item, registry).example == example


def described(registry: Registry, schema: dict[str, Any], **fields: Any) -> Details:
    """The details of a plugin's layer with that schema."""
    entry = LayerEntry(
        name="mine",
        factory="zoo_missing.layers:Mine",
        schema={"type": "object", "additionalProperties": False, **schema},
        summary="A layer",
        shape_rule="zoo.spec.shape_rules:elementwise",
        **fields,
    )
    return details(Registered(entry, Provider("zoo-t", "2.0", "t")), registry)


def test_parameters(registry: Registry) -> None:
    properties = {
        "channels": {"$ref": "urn:zoo:common#/$defs/positive_int", "description": "How many."},
        "size": {"type": "number", "exclusiveMinimum": 0, "description": "How large."},
        "mode": {"enum": ["a", "b"], "default": "b", "description": "How."},
        "path": {"type": "string", "x-zoo-path": True, "description": "Where."},
    }
    schema = {"properties": properties, "required": ["size"]}
    found = described(registry, schema, inferred={"channels": 0})
    assert [(each.name, each.type, each.unless_given) for each in found.parameters] == [
        ("channels", "an integer >= 1", "inferred"),
        ("size", "a finite number > 0", "required"),
        ("mode", '"a" or "b"', 'default "b"'),
        ("path", "a string", "optional"),
    ]
    assert found.example == '[[layers]]\ntype = "mine"\nsize = 3'
    assert found.definition is None
    assert found.to_dict() == {
        "kind": "layer",
        "name": "mine",
        "summary": "A layer",
        "provider": {"distribution": "zoo-t", "version": "2.0"},
        "parameters": [
            {
                "name": name,
                "type": words,
                "description": description,
                "required": name == "size",
                "inferred": name == "channels",
                **({"default": "b"} if name == "mode" else {}),
            }
            for name, words, description in [
                ("channels", "an integer >= 1", "How many."),
                ("size", "a finite number > 0", "How large."),
                ("mode", '"a" or "b"', "How."),
                ("path", "a string", "Where."),
            ]
        ],
        "example": '[[layers]]\ntype = "mine"\nsize = 3',
        "description": "",
        "formulas": "",
        "shapes": "",
        "source": "",
        "location": None,
    }


SAMPLES: dict[str, tuple[dict[str, Any], str]] = {
    "above": ({"type": "integer", "minimum": 7}, "7"),
    "below": ({"type": "number", "exclusiveMaximum": -2}, "-3"),
    "word": ({"enum": ["left", "right"]}, '"left"'),
    "text": ({"type": "string", "maxLength": 2}, '"x"'),
    "yes": ({"type": "boolean"}, "true"),
    "list": ({"type": "array", "items": {"enum": ["u"]}, "minItems": 2}, '["u", "u"]'),
    "either": ({"anyOf": [{"enum": ["auto"]}, {"type": "integer", "minimum": 9}]}, '"auto"'),
    "initializer": ({"$ref": "urn:zoo:common#/$defs/initializer"}, '"he_normal"'),
    "body": ({"$ref": "urn:zoo:common#/$defs/body"}, '["relu"]'),
    "table": (
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["low"],
            "properties": {"low": {"type": "integer", "minimum": 2, "description": "Least."}},
        },
        "{low = 3}",
    ),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_value_for_whatever_is_required(name: str, registry: Registry) -> None:
    schema, value = SAMPLES[name]
    properties = {"it": {**schema, "description": "It."}}
    found = described(registry, {"properties": properties, "required": ["it"]})
    assert found.example == f'[[layers]]\ntype = "mine"\nit = {value}'


MODULES = {
    "zoo_t_pack/__init__.py": "raise RuntimeError('imported')\n",
    "zoo_t_pack/layers.py": '''
from .inner import Alias as Renamed, Plain
from zoo_t_pack.inner import make
from zoo_t_pack.circle import Round
from .inner import Nowhere
from elsewhere import Foreign

try:
    import torch
except ImportError:
    class Conditional: pass
else:
    class Conditional:
        """With torch."""
Number = 3
''',
    "zoo_t_pack/inner.py": '''
class Plain:
    pass

class Real:
    """A real one.

    Shapes:
        x: any.
    """

Alias = Real

def make(size):
    """Makes it."""
''',
    "zoo_t_pack/circle.py": "from zoo_t_pack.layers import Round\n",
    "zoo_t_pack/broken.py": "class Half(:\n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in MODULES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path / "zoo_t_pack"


@pytest.mark.parametrize(
    ("reference", "place", "docstring"),
    [
        ("inner:Real", "inner.py:5", "A real one.\n\nShapes:\n    x: any."),
        ("inner:Alias", "inner.py:5", "A real one.\n\nShapes:\n    x: any."),
        ("layers:Renamed", "inner.py:5", "A real one.\n\nShapes:\n    x: any."),
        ("layers:Plain", "inner.py:2", ""),
        ("layers:make", "inner.py:14", "Makes it."),
        ("layers:Conditional", "layers.py:13", "With torch."),
    ],
)
def test_follows_names_without_importing(
    package: Path, reference: str, place: str, docstring: str
) -> None:
    found = find_definition(f"zoo_t_pack.{reference}")
    assert found is not None
    assert f"{found.file.relative_to(package)}:{found.line}" == place
    assert found.docstring == docstring
    assert not {"zoo_t_pack", "zoo_t_pack.inner"} & set(sys.modules)


@pytest.mark.parametrize(
    "reference",
    [
        *("zoo_t_pack.layers:Round", "zoo_t_pack.layers:Nowhere", "zoo_t_pack.layers:Foreign"),
        *("zoo_t_pack.layers:Number", "zoo_t_pack.layers:Missing", "zoo_t_pack.broken:Half"),
        *("zoo_t_pack.gone:A", "zoo_t_gone:A", "zoo_t_gone.b:A", "sys:A", "math:A", "math.b:A"),
    ],
)
@pytest.mark.usefixtures("package")
def test_what_is_not_found_is_left_out(reference: str) -> None:
    assert find_definition(reference) is None


DOCSTRING = """One sentence with ``code`` and :class:`zoo.nn.Module`.

With X the input::

    y = X
    dx = dy

More.

Args:
    a: no.

Shapes:
    x: (N, C).
    y: (N, C).

Source: Somebody, Something, 2020,
    https://example.org
"""


def test_the_parts_of_a_docstring() -> None:
    found = read_docstring(DOCSTRING)
    assert found.text == (
        "One sentence with code and zoo.nn.Module.\n\nWith X the input:\n\n"
        "    y = X\n    dx = dy\n\nMore."
    )
    assert found.formulas == "y = X\ndx = dy"
    assert found.shapes == "x: (N, C).\ny: (N, C)."
    assert found.source == "Somebody, Something, 2020,\nhttps://example.org"
    empty = read_docstring("")
    assert (empty.text, empty.formulas, empty.shapes, empty.source) == ("", "", "", "")


def test_every_built_in_layer_says_its_shapes_and_formulas(registry: Registry) -> None:
    for item in registry:
        if item.entry.kind == "layer":
            found = details(item, registry).docstring
            assert found.shapes, item.entry.name
            assert found.formulas, item.entry.name


def test_describing_everything_imports_no_torch() -> None:
    code = (
        "import sys\nfrom zoo.describe import details\n"
        "from zoo.plugins.registry import load_registry\n"
        "registry = load_registry()\nfound = [details(item, registry) for item in registry]\n"
        "assert all(item.definition for item in found)\n"
        "print(len(found), sorted({'torch', 'zoo.nn', 'zoo.optim', 'zoo.data'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == f"{len(BUILT_IN)} []\n"
