"""The schema for editors refuses what zoo refuses, as far as it can, and Taplo understands it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import tomli
import tomli_w
from hypothesis import event, given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from tests.draws import draws
from zoo.architecture.blocks import expand
from zoo.architecture.check import check, check_layers
from zoo.architecture.document import parse
from zoo.describe.editor_schema import editor_schema, is_editor_schema, schema_text
from zoo.plugins.discovery import Provider, discover
from zoo.plugins.records import Entry, LayerEntry
from zoo.plugins.registry import Registered, Registry, load_registry

ROOT = Path(__file__).parents[2]
ARCHITECTURES = [
    path
    for path in sorted((ROOT / "architectures").glob("*.toml"))
    if "plugins = " not in path.read_text("utf-8")  # those are the plugins' to test
]
HEAD = 'format = 1\nname = "net"\ninput = { channels = 3, height = 32, width = 32 }\n'

# Layers of a plugin whose schemas use what those of the built-ins do not.
SCALE = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "factor": {"type": "number", "description": "What x is multiplied by.", "default": 2.0},
        "axes": {
            "type": "array",
            "items": {"enum": ["height", "width"]},
            "minItems": 1,
            "description": "Which axes.",
        },
        "range": {
            "type": "object",
            "description": "Between what it is drawn.",
            "additionalProperties": False,
            "required": ["low"],
            "properties": {
                "low": {"type": "number", "description": "The least."},
                "high": {"type": "number", "description": "The most."},
            },
        },
        "mode": {
            "description": "A number or a way to choose it.",
            "anyOf": [{"type": "number"}, {"enum": ["auto"]}, {"type": "integer", "minimum": 9}],
        },
        "start": {
            "description": "A word or a table.",
            "anyOf": [
                {"enum": ["zero", "one"]},
                {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"at": {"type": "integer", "description": "Where."}},
                },
            ],
        },
    },
}
WRAP = {
    "type": "object",
    "additionalProperties": False,
    "required": ["body"],
    "properties": {"body": {"$ref": "urn:zoo:common#/$defs/body"}},
}


def layer(name: str, schema: dict[str, Any]) -> LayerEntry:
    return LayerEntry(
        name=name,
        factory="zoo_missing:Missing",
        schema=schema,
        summary=f"{name} of a plugin",
        shape_rule="zoo.spec.shape_rules:elementwise",
    )


@pytest.fixture(scope="module")
def registry() -> Registry:
    built_in = load_registry(discover({"ZOO_PLUGINS": ""}))
    assert built_in.failures == ()
    plugin = Provider("zoo-t", "1.0", "t")
    layers = [layer("scale", SCALE), layer("wrap", WRAP)]
    return Registry([*built_in, *(Registered(entry, plugin) for entry in layers)])


@pytest.fixture(scope="module")
def validator(registry: Registry) -> Draft7Validator:
    schema = editor_schema(registry)
    Draft7Validator.check_schema(schema)
    return Draft7Validator(schema)


def refusals(validator: Draft7Validator, text: str) -> list[str]:
    """What is wrong with a file, each with the path to where."""
    errors = validator.iter_errors(tomli.loads(text))
    return sorted(f"{error.json_path.removeprefix('$.')}: {error.message}" for error in errors)


ACCEPTED = {
    "names": 'layers = ["relu", "sigmoid"]',
    "parameters": 'layers = [{ type = "conv2d", out_channels = 3, kernel_size = [3, 5] }]',
    "alternatives": """
        [[layers]]
        type = "conv2d"
        out_channels = 3
        kernel_size = 3
        padding = "same"
        init = "he_normal"
        bias_init = { type = "constant", value = 0.1 }
        """,
    "plugin": """
        [[layers]]
        type = "scale"
        factor = 0.5
        axes = ["width"]
        range = { low = 1, high = 2 }
        mode = "auto"
        start = { at = 3 }
        """,
    "variables": """
        [vars]
        n = 3
        [[layers]]
        type = "conv2d"
        out_channels = { var = "n", times = 2 }
        kernel_size = [{ var = "n" }, 3]
        padding = { var = "n" }
        init = { type = "normal", std = { var = "n" } }
        bias_init = { var = "n" }
        [[layers]]
        type = { var = "n" }
        [[layers]]
        type = "scale"
        range = { low = { var = "n" } }
        mode = { var = "n" }
        start = { var = "n" }
        [optimizer]
        type = "sgd"
        lr = { var = "n" }
        [data]
        target = { var = "n" }
        source = { type = "folder", path = { var = "n" } }
        [train]
        epochs = { var = "n" }
        schedule = { var = "n" }
        """,
    "blocks": """
        [[layers]]
        type = "block"
        use = "a"
        repeat = 2
        with = { n = 1, list = ["x"] }
        [[layers]]
        type = "wrap"
        body = "a"
        [[layers]]
        type = "wrap"
        body = { use = "a", repeat = 3 }
        [[layers]]
        type = "wrap"
        body = ["relu", { type = "wrap", body = [{ type = "block", use = "a" }] }]
        [[blocks.a]]
        type = "relu"
        """,
    "source": 'layers = ["relu"]\n[data]\nsource = "my/photographs"\nvalidation = "demo"',
}


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED)
def test_accepts(validator: Draft7Validator, text: str) -> None:
    assert refusals(validator, HEAD + text) == []


@pytest.mark.parametrize("path", ARCHITECTURES, ids=lambda path: path.stem)
def test_accepts_what_is_shipped(validator: Draft7Validator, path: Path) -> None:
    assert refusals(validator, path.read_text("utf-8")) == []


BUILT_INS = load_registry(discover({"ZOO_PLUGINS": ""}))
LAYERS = sorted([*BUILT_INS.names("layer"), "scale", "wrap", "block"])


def needs(entry: Entry) -> object:
    """The parameters that a file must give."""
    return entry.schema.get("required")


BARE = sorted(  # those that need no parameters
    [
        *(it.entry.name for it in BUILT_INS if it.entry.kind == "layer" and not needs(it.entry)),
        "scale",
    ]
)
REFUSED = {
    "a misspelt key": (
        '[[layers]]\ntype = "conv2d"\nout_channels = 3\nkernel_size = 3\nstrid = 2',
        ["layers[0]: Additional properties are not allowed ('strid' was unexpected)"],
    ),
    "a missing parameter": (
        '[[layers]]\ntype = "conv2d"\nout_channels = 3',
        ["layers[0]: 'kernel_size' is a required property"],
    ),
    "a wrong type": (
        '[[layers]]\ntype = "conv2d"\nout_channels = "3"\nkernel_size = 3',
        ["layers[0].out_channels: '3' is not of type 'integer', 'object'"],
    ),
    "another layer's parameter": (
        '[[layers]]\ntype = "relu"\nkernel_size = 3',
        ["layers[0]: Additional properties are not allowed ('kernel_size' was unexpected)"],
    ),
    "an unknown layer": (
        '[[layers]]\ntype = "con2d"\nkernel_size = 3',
        [f"layers[0].type: 'con2d' is not one of {LAYERS}"],
    ),
    "a name that needs parameters": (
        'layers = ["conv2d"]',
        [f"layers[0]: 'conv2d' is not one of {BARE}"],
    ),
    "no type": ("[[layers]]\nout_channels = 3", ["layers[0]: 'type' is a required property"]),
    "a plugin's parameters": (
        '[[layers]]\ntype = "scale"\nfactor = "x"\naxes = ["depth"]\nrange = { high = 1 }\n'
        'start = "two"',
        [
            "layers[0].axes[0]: 'depth' is not one of ['height', 'width']",
            "layers[0].factor: 'x' is not of type 'number', 'object'",
            "layers[0].range: 'low' is a required property",
            "layers[0].start: 'two' is not one of ['zero', 'one']",
        ],
    ),
    "outside the layers": (
        'layers = ["relu"]\n[optimizer]\nlr = 3\n[data]\ntarget = "dirty"\n[train]\nepochs = 0',
        [
            "data.target: 'dirty' is not one of ['blind_spot', 'clean', 'neighbors', 'noisy']",
            "optimizer: 'type' is a required property",
            "train.epochs: 0 is less than the minimum of 1",
        ],
    ),
    "a misspelt variable": (
        '[[layers]]\ntype = "relu"\n[train]\nseed = { vra = "x" }',
        [
            "train.seed: 'var' is a required property",
            "train.seed: Additional properties are not allowed ('vra' was unexpected)",
        ],
    ),
    "a block": (
        'layers = [{ type = "block", repeat = 0 }]\n[blocks]\na = []',
        [
            "blocks.a: [] should be non-empty",
            "layers[0].repeat: 0 is less than the minimum of 1",
            "layers[0]: 'use' is a required property",
        ],
    ),
    "a source that needs parameters": (
        'layers = ["relu"]\n[data]\nsource = "folder"',
        [
            "data.source: 'folder' should not be valid under "
            "{'enum': ['burst', 'folder', 'frames', 'pkl']}"
        ],
    ),
}


@pytest.mark.parametrize(("text", "found"), REFUSED.values(), ids=REFUSED)
def test_refuses(validator: Draft7Validator, text: str, found: list[str]) -> None:
    assert refusals(validator, HEAD + text) == found


def test_what_must_be_there(validator: Draft7Validator) -> None:
    needed = ("format", "input", "layers", "name")
    assert refusals(validator, "") == [f"$: {key!r} is a required property" for key in needed]


EXTENDING = """
extends = "base.toml"
input = { height = 64 }
[optimizer]
lr = 0.1
[train]
schedule = { type = "step" }
[data]
source = { path = "photos" }
noise = "poisson"
"""


def test_a_file_that_extends_another_may_leave_out_what_that_has(
    validator: Draft7Validator,
) -> None:
    assert refusals(validator, EXTENDING) == []
    assert refusals(validator, 'extends = "a.toml"\nlayers = [{ type = "conv2d" }]') == [
        "layers[0]: 'kernel_size' is a required property",
        "layers[0]: 'out_channels' is a required property",
    ]
    assert refusals(validator, 'extends = "a.toml"\n[optimizer]\nrl = 1\n[input]\nhigh = 3') == [
        "input: Additional properties are not allowed ('high' was unexpected)",
        "optimizer: Additional properties are not allowed ('rl' was unexpected)",
    ]


def test_is_the_same_each_time(registry: Registry) -> None:
    text = schema_text(registry)
    assert text == schema_text(Registry(reversed(list(registry))))
    assert is_editor_schema(json.loads(text))
    assert not is_editor_schema({"$comment": "mine"})
    assert not is_editor_schema([])
    code = (
        "from zoo.describe.editor_schema import schema_text\n"
        "from zoo.plugins.registry import load_registry\n"
        "import sys\nprint(schema_text(load_registry()), end='')\nassert 'torch' not in sys.modules"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in range(2)
    ]
    assert runs[0] == runs[1] == schema_text(load_registry(discover({"ZOO_PLUGINS": ""})))


def test_nothing_of_zoos_own_is_left(registry: Registry) -> None:
    text = schema_text(registry)
    assert "x-zoo" not in text
    assert "urn:" not in text
    assert "$defs" not in text


def test_a_name_of_two_plugins_is_left_out(registry: Registry) -> None:
    other = Registered(registry.get("layer", "relu").entry, Provider("zoo-u", "1.0", "u"))
    schema = editor_schema(Registry([*registry, other]))
    assert "layer.relu" not in schema["definitions"]
    assert "layer.sigmoid" in schema["definitions"]


def test_a_kind_without_entries() -> None:
    schema = editor_schema(Registry([]))
    Draft7Validator.check_schema(schema)
    assert refusals(Draft7Validator(schema), f'{HEAD}layers = ["relu"]') == [
        "layers[0]: 'relu' is not one of []"
    ]


# What JSON Schema cannot say, with part of zoo's message; documents with these are not compared: a
# name is looked up in the document itself. Parameters that do not go together, and shapes that do
# not fit, are no part of the checks that are called here. Not drawn below, for they differ too:
# 3.0 (an integer in JSON), nan and inf (no JSON), integers of more than 64 bits (no TOML), a source
# such as "pairs:" or "a," with an empty part, and variables (the schema takes any for any value).
BEYOND_A_SCHEMA = (
    *("refers to a variable. Use a value", " Used by "),  # what a variable is decides elsewhere
    *("which is no block", "is no variable of", "contains itself", "is not in [vars]"),
    "Use square crops",
)

DOCUMENTS = [
    *(tomli.loads(path.read_text("utf-8")) for path in ARCHITECTURES),
    *(tomli.loads(HEAD + ACCEPTED[name]) for name in ("alternatives", "plugin", "blocks")),
]
JUNK: list[Any] = [
    *(0, -1, 1, 2, 3, 64, 10**6, 0.5, -0.5, 1.5, True, False, "", "x", "relu", "conv2d", "mse"),
    *("sgd", "normal", "zeros", "constant", "demo", "folder", "step", "same", "a", "noisy"),
    *([], [1], [1, 2], [3, 0], [1, 2, 3], ["relu"], [0.5, 0.25], ["a", "b"], [{}], {}),
    *({"type": "relu"}, {"type": "normal"}, {"type": "block", "use": "a"}, {"use": "a"}),
    *({"type": "sgd", "lr": 0.1}, {"type": 3}, {"type": "folder", "path": "p"}, {"channels": 1}),
]
KEYS = [
    *("type", "lr", "bias", "init", "kernel_size", "stride", "use", "repeat", "with", "body"),
    *("path", "noise", "sigma", "epochs", "seed", "factor", "range", "low", "var_", "name", "x"),
]


def places(value: Any) -> list[tuple[Any, Any]]:
    """(container, key or position) of everything in a document."""
    keys = list(value) if isinstance(value, dict) else range(len(value))
    inner = [
        place
        for key in keys
        if isinstance(value[key], (dict, list))
        for place in places(value[key])
    ]
    return [*((value, key) for key in keys), *inner]


# The values that the documents have for each key.
VALUES: dict[Any, list[Any]] = {}
for example in DOCUMENTS:
    for container, key in places(example):
        VALUES.setdefault(key, []).append(container[key])


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A document with up to three changes: values that fit their keys, or any, or none."""
    document = deepcopy(draw(st.sampled_from(DOCUMENTS)))
    for _ in range(draw(st.sampled_from([0, 1, 1, 2, 3]))):
        container, key = draw(st.sampled_from(places(document)))
        change = draw(st.sampled_from(["exchange", "exchange", "replace", "remove", "add"]))
        if change == "remove":
            del container[key]
        elif change == "exchange":
            container[key] = deepcopy(draw(st.sampled_from([*VALUES.get(key, []), *JUNK[:3]])))
        elif change == "replace":
            container[key] = deepcopy(draw(st.sampled_from(JUNK)))
        elif isinstance(container, dict):
            container[draw(st.sampled_from(KEYS))] = deepcopy(draw(st.sampled_from(JUNK)))
        else:
            container.append(deepcopy(draw(st.sampled_from(JUNK))))
    return document


def problems(document: dict[str, Any], registry: Registry) -> list[str]:
    """What zoo says of the values themselves, each for itself."""
    node = parse(tomli_w.dumps(document), "net.toml", Path())
    expanded = expand(node, registry)
    checked = check(expanded.document, registry)
    unused = check_layers(expanded.unused, registry)
    found = [*expanded.problems, *checked.problems, *unused.problems]
    return [str(problem) for problem in found]


@pytest.mark.slow
def test_refuses_what_zoo_refuses(
    registry: Registry, validator: Draft7Validator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Entry, "load_check", lambda _: None)

    @draws(1500)
    @given(document=documents())
    def compare(document: dict[str, Any]) -> None:
        found = problems(document, registry)
        if any(words in problem for problem in found for words in BEYOND_A_SCHEMA):
            event("beyond a schema")
            return
        event("refused" if found else "accepted")
        refused = [
            f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)
        ]
        assert bool(found) == bool(refused), (found, refused)

    compare()


# Taplo itself.

TAPLO = shutil.which("taplo") or str(Path(sys.executable).with_name("taplo"))


@pytest.fixture
def lint(registry: Registry, tmp_path: Path) -> Callable[[str], list[str]]:
    """``lint(text)``: what Taplo says is wrong with a file."""
    if not Path(TAPLO).exists():
        pytest.skip("there is no taplo; the package's extra 'test' has it")
    schema = tmp_path / "zoo.schema.json"
    schema.write_text(schema_text(registry), "utf-8")

    def run(text: str) -> list[str]:
        (tmp_path / "net.toml").write_text(f"#:schema ./zoo.schema.json\n{text}", "utf-8")
        result = subprocess.run(
            [TAPLO, "lint", "--no-auto-config", "--colors", "never", "net.toml"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        lines = result.stderr.splitlines()
        errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
        assert result.returncode == bool(errors), result.stderr
        return sorted(set(errors))

    return run


@pytest.mark.parametrize("path", ARCHITECTURES, ids=lambda path: path.stem)
def test_taplo_accepts_what_is_shipped(lint: Callable[[str], list[str]], path: Path) -> None:
    assert lint(path.read_text("utf-8")) == []


def test_taplo_accepts(lint: Callable[[str], list[str]]) -> None:
    assert [name for name, text in ACCEPTED.items() if lint(HEAD + text)] == []
    assert lint(EXTENDING) == []


OF_TAPLO = {
    "a misspelt key": ["Additional properties are not allowed ('strid' was unexpected)"],
    "a missing parameter": ['"kernel_size" is a required property'],
    "a wrong type": ['"3" is not of types "integer", "object"'],
    "another layer's parameter": [
        "Additional properties are not allowed ('kernel_size' was unexpected)"
    ],
    "an unknown layer": [f'"con2d" is not one of {json.dumps(LAYERS, separators=(",", ":"))}'],
    "a plugin's parameters": [
        '"depth" is not one of ["height","width"]',
        '"low" is a required property',
        '"two" is not one of ["zero","one"]',
        '"x" is not of types "number", "object"',
    ],
}


@pytest.mark.parametrize("name", OF_TAPLO)
def test_taplo_refuses(lint: Callable[[str], list[str]], name: str) -> None:
    assert lint(HEAD + REFUSED[name][0]) == OF_TAPLO[name]
