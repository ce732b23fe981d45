"""A valid file becomes one exact specification and one exact resolved text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest

from zoo.architecture import (
    Architecture,
    Component,
    Data,
    Input,
    Train,
    parse_architecture,
    read_architecture,
)
from zoo.architecture.component import build_component
from zoo.errors import ArchitectureError
from zoo.plugins.discovery import Failure, Provider
from zoo.plugins.registry import Registered, Registry, load_registry

ARCHITECTURES = Path(__file__).parents[2] / "architectures"
FILES = [
    path
    for path in sorted(ARCHITECTURES.glob("*.toml"))
    if "plugins = " not in path.read_text("utf-8")  # those are the plugins' to test
]

RESOLVED = """\
format = 1
name = "small"

[input]
channels = 3
height = 16
width = 12

[[layers]]
type = "conv2d"
out_channels = 3
kernel_size = [
    3,
    1,
]
stride = 1
padding = "same"
dilation = 1
groups = 1
bias = true

[layers.init]
type = "pytorch"

[layers.bias_init]
type = "pytorch"

[[layers]]
type = "relu"

[loss]
type = "mse"

[optimizer]
type = "adam"
lr = 0.001
betas = [
    0.9,
    0.999,
]
eps = 1e-08
weight_decay = 0.0
amsgrad = false
maximize = false

[data]
validation_fraction = 0.1

[data.source]
type = "demo"

[data.target]
type = "noisy"

[data.augment]
flip = true
transpose = false
rotate = false
noise = 0.0

[train]
epochs = 10
batch_size = 32
precision = "float32"
backend = "zoo"
seed = 0

[train.schedule]
type = "constant"

[train.checkpoint_every]
minutes = 5.0

[train.on_divergence]
returns = 0
lr_factor = 0.5
"""

Read = Callable[..., Architecture]


def component(kind: str, name: str, *path: str | int, **parameters: Any) -> Component:
    return Component(kind, name, parameters, path)


def test_the_specification_of_the_small_file(small: Read) -> None:
    assert small() == Architecture(
        name="small",
        description="",
        input=Input(channels=3, height=16, width=12),
        layers=(
            component(
                "layer",
                "conv2d",
                "layers",
                0,
                in_channels=3,
                out_channels=3,
                kernel_size=[3, 1],
                stride=1,
                padding="same",
                dilation=1,
                groups=1,
                bias=True,
                init=component("initializer", "pytorch", "layers", 0, "init"),
                bias_init=component("initializer", "pytorch", "layers", 0, "bias_init"),
            ),
            component("layer", "relu", "layers", 1),
        ),
        loss=component("loss", "mse", "loss"),
        optimizer=component(
            "optimizer",
            "adam",
            "optimizer",
            lr=0.001,
            betas=[0.9, 0.999],
            eps=1e-08,
            weight_decay=0.0,
            amsgrad=False,
            maximize=False,
        ),
        data=Data(
            source=component("source", "demo", "data", "source"),
            validation=None,
            validation_fraction=0.1,
            noise=None,
            evaluation_noise=None,
            target=component("pairing", "noisy", "data", "target"),
            samples_per_epoch=None,
            augment={"flip": True, "transpose": False, "rotate": False, "noise": 0.0},
        ),
        train=Train(
            epochs=10,
            batch_size=32,
            schedule=component("schedule", "constant", "train", "schedule"),
            precision="float32",
            backend="zoo",
            seed=0,
            checkpoint_every={"minutes": 5.0},
            on_divergence={"returns": 0, "lr_factor": 0.5},
        ),
        file="small.toml",
        text=RESOLVED,
        shapes=small().shapes,
        root=small().root,
    )


def test_the_input_shape(small: Read) -> None:
    assert small().input.shape == (3, 16, 12)


def test_the_specification_is_frozen(small: Read) -> None:
    spec = small()
    with pytest.raises(FrozenInstanceError):
        spec.name = "other"  # type: ignore[misc]  # that is the point
    tables: list[Mapping[str, Any]] = [spec.layers[0].parameters, spec.data.augment]
    for table in tables:
        with pytest.raises(TypeError, match="does not support item assignment"):
            table["flip"] = False  # type: ignore[index]  # that is the point


def test_values_of_the_file_replace_defaults(small: Read) -> None:
    spec = small(
        'layers.0.init = { type = "he_normal", mode = "fan_out" }',
        'loss = { type = "mse" }',
        'data.validation = "photos/held_out"',
        'data.noise = "poisson"',
        "data.samples_per_epoch = 5",
        "data.augment.flip = false",
        'description = "one\\ntwo"',
    )
    assert spec.layers[0].parameters["init"] == component(
        "initializer", "he_normal", "layers", 0, "init", mode="fan_out", negative_slope=0.0
    )
    assert spec.data.validation == component(
        "source", "folder", "data", "validation", path="/models/photos/held_out"
    )
    assert spec.data.noise is not None
    assert spec.data.noise.type == "poisson"
    assert spec.data.samples_per_epoch == 5
    assert dict(spec.data.augment) == {
        "flip": False,
        "transpose": False,
        "rotate": False,
        "noise": 0.0,
    }
    assert 'description = "one\\ntwo"\n' in spec.text


def test_evaluation_noise_is_that_of_training_where_it_is_left_out(small: Read) -> None:
    data = small('data.noise = { type = "gaussian", sigma = 10 }').data
    assert data.noise == component("noise", "gaussian", "data", "noise", sigma=10)
    assert data.evaluation_noise == data.noise
    data = small('data.noise = "gaussian"', 'data.evaluation_noise = "bernoulli"').data
    assert data.evaluation_noise is not None
    assert data.evaluation_noise.type == "bernoulli"


def test_the_resolved_text_reads_to_itself(small: Read) -> None:
    assert small(text=RESOLVED) == small()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_resolved_text_of_a_shipped_file_reads_to_itself(
    path: Path, registry: Registry, tmp_path: Path
) -> None:
    spec = read_architecture(path, registry)
    assert spec.name == path.stem
    assert spec.file == str(path)
    again = parse_architecture(spec.text, registry, str(path), tmp_path)
    assert again == spec
    assert again.text == spec.text


def test_a_byte_order_mark_is_no_part_of_the_file(small: Read) -> None:
    assert small(text="\ufeff" + RESOLVED) == small()


def test_windows_line_endings(small: Read) -> None:
    assert small(text=RESOLVED.replace("\n", "\r\n")) == small()


def test_paths_are_relative_to_the_files_folder(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    path = folder / "net.toml"
    source = 'source = { type = "pairs", first = "a", second = "../b/./c" }\n'
    path.write_text(
        RESOLVED.replace('[data.source]\ntype = "demo"\n', "").replace(
            "[data]\n", f'[data]\n{source}validation = "/photos"\n'
        )
    )
    monkeypatch.chdir(tmp_path)
    for name in (path, "models/net.toml"):
        data = read_architecture(name, registry).data
        assert data.source.parameters["first"] == str(folder / "a")
        assert data.source.parameters["second"] == str(tmp_path / "b" / "c")
        assert data.validation is not None
        assert data.validation.parameters["path"] == str(Path("/photos").resolve())


def test_a_component_of_a_table(registry: Registry) -> None:
    table = {"type": "normal", "std": 0.5}
    assert build_component("initializer", table, registry) == component(
        "initializer", "normal", std=0.5
    )


NEEDS = 'plugins = ["zoo-there", "zoo-gone", "zoo-broken"]\n'


def test_a_plugin_that_is_missing_is_reported_in_one_line(registry: Registry) -> None:
    """What its layers are called is then no mistake of the file; everything else is."""
    relu = registry.get("layer", "relu").entry
    there = Registered(replace(relu, name="there"), Provider("zoo-there", "1.0", "there"))
    broken = Failure(Provider("zoo-broken", "0.1", "broken"), "cannot be loaded: ImportError: x")
    text = NEEDS + RESOLVED.replace('type = "relu"', 'type = "gone"').replace("= 32", "= 0")
    with pytest.raises(ArchitectureError) as caught:
        parse_architecture(text, Registry([*registry, there], [broken]), "net.toml", Path())
    assert str(caught.value).splitlines() == [
        'net.toml:1:25: plugins[1]: is "zoo-gone", which is not installed. '
        "Install that plugin; zoo's own are in the folder plugins of its repository.",
        'net.toml:1:37: plugins[2]: is "zoo-broken", which cannot be used: '
        "plugin zoo-broken 0.1: cannot be loaded: ImportError: x",
        "net.toml:64:14: train.batch_size: is 0. Use an integer >= 1.",
    ]


def test_a_plugin_that_is_there(registry: Registry) -> None:
    relu = registry.get("layer", "relu").entry
    there = Registered(replace(relu, name="there"), Provider("zoo-there", "1.0", "there"))
    text = 'plugins = ["zoo-there"]\n' + RESOLVED.replace('type = "relu"', 'type = "there"')
    spec = parse_architecture(text, Registry([*registry, there]), "net.toml", Path())
    assert spec.layers[1].type == "there"
    assert 'plugins = [\n    "zoo-there",\n]\n' in spec.text


def test_a_misspelt_file_is_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "architectures").mkdir()
    (tmp_path / "architectures" / "n2n_small.toml").touch()
    monkeypatch.chdir(tmp_path)
    for name in ("n2n_small", "n2n_smal.toml", "architectures/n2n-small.toml"):
        with pytest.raises(ArchitectureError) as error:
            read_architecture(name, load_registry())
        assert str(error.value) == (
            f"{name}: cannot be read: No such file or directory. "
            "Did you mean architectures/n2n_small.toml?"
        )
    with pytest.raises(ArchitectureError, match=r"No such file or directory\.$"):
        read_architecture("resnet", load_registry())
