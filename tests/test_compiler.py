"""From a specification to the objects that train."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import zoo
from zoo.architecture import Component, parse_architecture
from zoo.compiler import Compiler
from zoo.errors import ArchitectureError, PluginError
from zoo.init import Unfilled
from zoo.nn import MSE, Conv2d, Sequential
from zoo.optim import SGD
from zoo.plugins.discovery import discover
from zoo.plugins.registry import Registered, Registry, load_registry

REGISTRY = load_registry(discover({"ZOO_PLUGINS": ""}))
ARCHITECTURES = Path(__file__).parents[1] / "architectures"
SHIPPED = [
    path
    for path in sorted(ARCHITECTURES.glob("*.toml"))
    if "plugins = " not in path.read_text("utf-8")  # those are the plugins' to test
]


def compiler(layers: str, *, rest: str = "", registry: Registry = REGISTRY) -> Compiler:
    text = f"""
format = 1
name = "net"
input = {{ channels = 3, height = 8, width = 10 }}
layers = {layers}
{rest}
"""
    return Compiler(parse_architecture(text, registry, "net.toml", Path()), registry)


def model(layers: str, seed: int = 0) -> Sequential:
    return compiler(layers).model(torch.Generator().manual_seed(seed))


def message(build: Callable[[], object]) -> str:
    with pytest.raises(ArchitectureError) as caught:
        build()
    return str(caught.value)


def test_input_channels_are_inferred_through_the_chain() -> None:
    layers = """[
        { type = "conv2d", out_channels = 5, kernel_size = 3, stride = 2, padding = 1 },
        "relu",
        { type = "upsampling", out_channels = 7, kernel_size = 3, padding = 1 },
        { type = "nearest_upsampling", scale_factor = 1 },
        { type = "conv_transpose2d", out_channels = 3, kernel_size = 1 },
        { type = "linear", out_features = 6 },
        { type = "linear", out_features = 10 },
    ]"""
    shapes = {name: tuple(value.shape) for name, value in model(layers).state_dict().items()}
    weights = [shape for name, shape in shapes.items() if name.endswith("weight")]
    assert weights == [(5, 3, 3, 3), (7, 5, 3, 3), (7, 3, 1, 1), (6, 10), (10, 6)]


def test_input_channels_can_be_given() -> None:
    layers = '[{ type = "conv2d", in_channels = 3, out_channels = 3, kernel_size = 1 }]'
    assert model(layers).state_dict()["0.weight"].shape == (3, 3, 1, 1)


CONV = 'type = "conv2d", out_channels = 3, kernel_size = 3'
ONE = f"[{{ {CONV}, padding = 1 }}]"


def test_initial_values_of_each_layer() -> None:
    conv = 'type = "conv2d", out_channels = 3, kernel_size = 1'
    upsampling = conv.replace("conv2d", "upsampling")
    layers = f"""[
        {{ {conv}, init = "zeros", bias_init = {{ type = "constant", value = 0.5 }} }},
        {{ {conv}, init = {{ type = "constant", value = -2 }}, bias_init = "zeros" }},
        {{ {conv}, init = {{ type = "uniform", low = 3, high = 4 }} }},
        {{ {upsampling}, scale_factor = 1, init = "zeros", bias = false }},
    ]"""
    state = model(layers).state_dict()
    filled = {name: (float(value.min()), float(value.max())) for name, value in state.items()}
    assert list(filled) == [
        "0.weight",
        "0.bias",
        "1.weight",
        "1.bias",
        "2.weight",
        "2.bias",
        "3.1.weight",
    ]
    assert filled["0.weight"] == filled["1.bias"] == filled["3.1.weight"] == (0, 0)
    assert filled["0.bias"] == (0.5, 0.5)
    assert filled["1.weight"] == (-2, -2)
    assert 3 <= filled["2.weight"][0] < filled["2.weight"][1] <= 4
    assert -(3**-0.5) <= filled["2.bias"][0] < filled["2.bias"][1] <= 3**-0.5  # PyTorch's


SEEDED = f"""[
    {{ {CONV}, padding = 1 }},
    {{ type = "upsampling", out_channels = 3, kernel_size = 3, padding = 1, scale_factor = 1 }},
    {{ type = "conv_transpose2d", out_channels = 3, kernel_size = 1, init = "he_normal" }},
    {{ type = "linear", out_features = 10 }},
]"""


def test_initial_values_are_the_generators() -> None:
    first = model(SEEDED, seed=1).state_dict()
    torch.rand(3)  # draws from torch's global generator do not matter
    again, other = model(SEEDED, seed=1).state_dict(), model(SEEDED, seed=2).state_dict()
    for name, value in first.items():
        assert torch.equal(value, again[name]), name
        assert not torch.equal(value, other[name]), name


def test_the_generator_goes_on_from_layer_to_layer() -> None:
    layers = f"[{{ {CONV}, padding = 1 }}, {{ {CONV}, padding = 1 }}]"
    state = model(layers).state_dict()
    generator = torch.Generator().manual_seed(0)
    for index in (0, 1):
        expected = Conv2d(3, 3, 3, padding=1, generator=generator).state_dict()
        assert torch.equal(state[f"{index}.weight"], expected["weight"])
        assert torch.equal(state[f"{index}.bias"], expected["bias"])


def test_unfilled_parameters_take_no_draws() -> None:
    generator, before = Unfilled(), torch.get_rng_state()
    untouched = generator.get_state()
    state = compiler(SEEDED).model(generator).state_dict()
    assert torch.equal(generator.get_state(), untouched)
    assert torch.equal(torch.get_rng_state(), before)
    expected = model(SEEDED).state_dict()
    assert {name: value.shape for name, value in state.items()} == {
        name: value.shape for name, value in expected.items()
    }


def test_load_model() -> None:
    path = ARCHITECTURES / "n2n_small.toml"
    first = zoo.load_model(path, device="cpu", seed=3)
    again = zoo.load_model(str(path), device="cpu", seed=3).state_dict()
    other = zoo.load_model(path, device="cpu", seed=4).state_dict()
    assert isinstance(first, Sequential)
    assert first.training
    for name, value in first.state_dict().items():
        assert torch.equal(value, again[name])
        assert not torch.equal(value, other[name])
    assert first(torch.rand(2, 3, 36, 28)).shape == (2, 3, 36, 28)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_shipped_architectures_compile(path: Path) -> None:
    assert len(zoo.load_model(path, device="cpu")) >= 7


def test_loss_optimizer_and_schedule_get_their_parameters() -> None:
    rest = """
optimizer = { type = "sgd", lr = 0.25, momentum = 0.5 }
train.schedule = { type = "step", every = 2, factor = 0.5 }
"""
    built = compiler(f"[{{ {CONV}, padding = 1 }}]", rest=rest)
    optimizer = built.optimizer(built.model(torch.Generator()).param())
    assert isinstance(optimizer, SGD)
    assert (optimizer.lr, optimizer.momentum) == (0.25, 0.5)
    assert isinstance(built.loss(), MSE)
    assert type(built.schedule()).__name__ == "Step"


def test_an_argument_that_only_the_factory_refuses() -> None:
    """A plugin need not have a check of its parameters: what its factory says is placed too."""
    strict = replace(REGISTRY.get("initializer", "uniform").entry, name="strict", check="")
    provider = REGISTRY.get("initializer", "uniform").provider
    registry = Registry([*REGISTRY, Registered(strict, provider)])
    layers = f"[{{ {CONV}, padding = 1, init = {{ type = 'strict', low = 2, high = 1 }} }}]"
    built = compiler(layers, registry=registry)
    assert message(lambda: built.model(torch.Generator())) == (
        "net.toml:5:85: layers[0].init: Uniform: low is 2 and high is 1. Use low <= high."
    )


def test_a_layer_that_is_not_what_its_shape_rule_says() -> None:
    item = REGISTRY.get("layer", "conv2d")
    wrong = replace(item.entry, name="wrong", shape_rule="zoo.spec.shape_rules:elementwise")
    registry = Registry([*REGISTRY, Registered(wrong, item.provider)])
    layers = f"[{{ {CONV} }}, {{ {CONV.replace('conv2d', 'wrong')}, padding = 3 }}]"
    layers = layers.replace("kernel_size = 3 }", "kernel_size = 3, padding = 1 }")
    with pytest.raises(PluginError) as caught:
        compiler(layers, registry=registry).model(torch.Generator())
    assert str(caught.value) == (
        f"layer 'wrong' of {item.provider}: its shape rule says an output of 3x8x10 and 0 "
        "parameters for an input of 3x8x10; the layer has an output of 3x12x14 and 84 parameters."
    )


def test_a_source_that_gives_no_images() -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    fields = {"name": "wrong", "factory": "builtins:dict", "schema": schema, "summary": "A dict"}
    item = Registered(zoo.SourceEntry(**fields), next(iter(REGISTRY)).provider)
    built = compiler(ONE, rest='data.source = "wrong"', registry=Registry([*REGISTRY, item]))
    with pytest.raises(PluginError) as caught:
        built.data(built.architecture.data.source)
    assert str(caught.value) == (
        "source 'wrong': returned a dict. Return SingleImages, ImagePairs or Bursts."
    )


def test_a_factory_that_cannot_be_imported() -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    gone = zoo.LayerEntry(
        name="gone",
        factory="zoo_gone:Gone",
        schema=schema,
        summary="gone",
        shape_rule="zoo.spec.shape_rules:elementwise",
    )
    provider = REGISTRY.get("layer", "relu").provider
    registry = Registry([*REGISTRY, Registered(gone, provider)])
    with pytest.raises(PluginError) as caught:
        compiler(ONE.replace("[", '["gone", '), registry=registry).model(torch.Generator())
    assert str(caught.value) == (
        "layer 'gone': cannot import 'zoo_gone:Gone': "
        "ModuleNotFoundError: No module named 'zoo_gone'."
    )


def test_a_component_is_built_with_its_nested_components() -> None:
    constant = Component("initializer", "constant", {"value": 3.0}, ())
    parameters = {"in_channels": 1, "out_channels": 1, "kernel_size": 1, "init": constant}
    layer = compiler(ONE).build(Component("layer", "conv2d", parameters, ()))
    assert layer.state_dict()["weight"].item() == 3
