"""The torch references of all that zoo provides, and what is said where one is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from zoo.bench.variants import NCHW, NHWC, ZOO, Sides
from zoo.compiler import Compiler
from zoo.data.seeding import generator
from zoo.errors import PluginError
from zoo.nn import ReLU
from zoo.plugins.discovery import Provider
from zoo.plugins.records import LossEntry, OptimizerEntry, ReferencedEntry
from zoo.plugins.registry import Registered, Registry, load_registry
from zoo.testing import check_against_torch
from zoo.torch_backend.references import References

ALL = """
    { type = "relu" },
    { type = "conv2d", out_channels = 4, kernel_size = 3, stride = 2, padding = 1 },
    { type = "relu" },
    { type = "conv_transpose2d", out_channels = 4, kernel_size = 3, stride = 2, padding = 1 },
    { type = "upsampling", out_channels = 4, kernel_size = 2, padding = "same" },
    { type = "relu" },
    { type = "nearest_upsampling", scale_factor = 2 },
    { type = "conv2d", out_channels = 3, kernel_size = 6, stride = 3 },
    { type = "sigmoid" },
    { type = "linear", out_features = 8 },
    { type = "conv2d", out_channels = 3, kernel_size = 1 },
"""
OPTIMIZERS = [
    '{ type = "sgd", lr = 0.1, momentum = 0.9, nesterov = true, weight_decay = 0.01 }',
    '{ type = "sgd", lr = 0.1, momentum = 0.5, dampening = 0.2, maximize = true }',
    '{ type = "adam", lr = 0.01, betas = [0.8, 0.9], eps = 1e-4, weight_decay = 0.1 }',
    '{ type = "adam", lr = 0.01, amsgrad = true, maximize = true }',
]
CONVOLUTION = '{ type = "conv2d", out_channels = 3, kernel_size = 3, padding = 1 }'
CPU = torch.device("cpu")


def losses(compiler: Compiler, steps: int = 10) -> tuple[list[float], list[float]]:
    """zoo's losses and torch's, in float64."""
    sides = Sides(compiler, CPU)
    shape = (2, 2, *compiler.architecture.input.shape)
    x, target = torch.rand(shape, dtype=torch.float64, generator=generator(1))
    own, other = (sides.step(variant, torch.float64) for variant in (ZOO, NCHW))
    return [float(own(x, target)) for _ in range(steps)], [
        float(other(x, target)) for _ in range(steps)
    ]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
def test_outputs_and_gradients_of_every_layer(compiled: Callable[..., Compiler]) -> None:
    compiler = compiled(ALL)
    model = compiler.model(generator(0)).to(torch.float64)
    reference = References(compiler).model(model)
    assert reference.state_dict().keys() == model.state_dict().keys()
    for name, value in model.state_dict().items():
        assert reference.state_dict()[name].equal(value)
        assert reference.state_dict()[name].data_ptr() != value.data_ptr()
    check_against_torch(model, reference, torch.rand(2, 3, 8, 8, dtype=torch.float64))


def test_activations_overwrite_what_nothing_else_needs(compiled: Callable[..., Compiler]) -> None:
    layers = f'{{ type = "relu" }}, {CONVOLUTION}, {{ type = "relu" }}, {{ type = "relu" }}'
    compiler = compiled(layers)
    reference = References(compiler).model(compiler.model(generator(0)))
    inplace = [
        module.inplace for module in reference.modules() if isinstance(module, torch.nn.ReLU)
    ]
    assert inplace == [False, True, False]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_optimizers(optimizer: str, compiled: Callable[..., Compiler]) -> None:
    own, other = losses(compiled(CONVOLUTION, optimizer))
    assert own == pytest.approx(other, rel=1e-10)
    assert own[0] != own[-1]
    plain, _ = losses(compiled(CONVOLUTION, '{ type = "sgd", lr = 0.1 }'))
    assert own != pytest.approx(plain, rel=1e-4)  # the options do something


def test_all_that_zoo_provides_has_a_torch_reference() -> None:
    kinds: set[str] = set()
    for item in load_registry():
        if isinstance(item.entry, ReferencedEntry):
            assert callable(item.entry.load_torch_reference()), item.entry.name
            kinds.add(item.entry.kind)
    assert kinds == {"layer", "loss", "optimizer"}


@pytest.mark.parametrize("variant", [NCHW, NHWC], ids=lambda variant: variant.name)
def test_all_sides_begin_with_the_same_weights(
    variant: Any, compiled: Callable[..., Compiler]
) -> None:
    sides = Sides(compiled(CONVOLUTION), CPU)
    x = torch.rand(2, 3, 8, 8)
    expected = sides.forward(ZOO)(x)
    step = sides.step(variant)
    step(x, x)  # of a network of its own
    y = sides.forward(variant)(x.contiguous(memory_format=variant.layout))
    torch.testing.assert_close(y, expected, rtol=1e-5, atol=1e-5)
    assert not y.requires_grad
    assert y.is_contiguous(memory_format=variant.layout)


# What is wrong with a torch reference.


def raises(error: Exception) -> Callable[..., Any]:
    def reference(*_: object) -> Any:
        raise error

    return reference


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (
            None,
            "has no torch reference. Name one as its entry's torch_reference. Without torch.nn: "
            "zoo bench --no-torch, zoo run --backend zoo.",
        ),
        (
            lambda *_: torch.nn.PReLU(2),
            "its torch reference has the state weight 2; the layer has no state. Give it the same "
            "names and shapes.",
        ),
        (
            lambda *_: 3,
            "its torch reference is 3, no torch.nn.Module. Return one.",
        ),
        (raises(KeyError("x")), "its torch reference failed: KeyError: 'x'."),
    ],
)
def test_layers(
    reference: Any, message: str, compiled: Callable[..., Compiler], swish: Callable[..., Registry]
) -> None:
    compiler = compiled(f'{CONVOLUTION}, {{ type = "swish" }}', registry=swish(reference))
    with pytest.raises(PluginError) as caught:
        References(compiler).model(compiler.model(generator(0)))
    assert str(caught.value) == f"layer 'swish' of zoo-swish 1.0: {message}"


def test_a_layer_that_no_entry_builds(compiled: Callable[..., Compiler]) -> None:
    class Other(ReLU):
        """A subclass may compute something else than its base."""

    compiler = compiled(f'{CONVOLUTION}, {{ type = "relu" }}')
    model = compiler.model(generator(0))
    model.children["1"] = Other()
    with pytest.raises(PluginError) as caught:
        References(compiler).model(model)
    assert str(caught.value) == (
        "layer Other: is built by no entry of the architecture, so no torch reference is known. "
        "Without torch.nn: zoo bench --no-torch, zoo run --backend zoo."
    )


@pytest.mark.parametrize("kind", [LossEntry, OptimizerEntry])
def test_losses_and_optimizers_without_a_torch_reference(
    kind: type[ReferencedEntry], compiled: Callable[..., Compiler]
) -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    factory = {"loss": "zoo.nn:MSE", "optimizer": "zoo.optim:SGD"}[kind.kind]
    entry = kind(name="own", factory=factory, schema=schema, summary="For these tests.")
    own = Registered(entry, Provider("zoo-own", "1.0", "own"))
    registry = Registry([*load_registry(), own])
    loss = '\nloss = "own"' if kind is LossEntry else ""
    optimizer = '"own"' if kind is OptimizerEntry else '"sgd"'
    compiler = compiled(CONVOLUTION, optimizer + loss, registry=registry)
    with pytest.raises(PluginError) as caught:
        Sides(compiler, CPU).step(NCHW)
    assert str(caught.value) == (
        f"{kind.kind} 'own' of zoo-own 1.0: has no torch reference. Name one as its entry's "
        "torch_reference. Without torch.nn: zoo bench --no-torch, zoo run --backend zoo."
    )
    Sides(compiler, CPU).step(ZOO)
