"""AdamW and RMSprop against torch.optim, over 20 steps, for every option."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from zoo.errors import ArgumentError, StateError
from zoo.optim import Optimizer

pytest.importorskip("zoo_descent", reason="the plugin zoo-descent is not installed")

from zoo_descent.adamw import AdamW
from zoo_descent.rmsprop import RMSprop
from zoo_descent.schemas import read_schema

Options = dict[str, Any]

STEPS = 20
SHAPES = ((4, 3, 3, 3), (4,), (5, 7), (1,), ())
FACTORIES: dict[str, tuple[Callable[..., Optimizer], Callable[..., torch.optim.Optimizer]]] = {
    "adamw": (AdamW, torch.optim.AdamW),
    "rmsprop": (RMSprop, torch.optim.RMSprop),
}
CASES: dict[str, list[Options]] = {
    "adamw": [
        {},
        {"lr": 0.1},
        {"lr": 0.0},
        {"betas": (0.5, 0.6)},
        {"betas": (0.0, 0.0)},
        {"eps": 1e-2},
        {"weight_decay": 0.0},
        {"weight_decay": 0.3},
        {"amsgrad": True},
        {"maximize": True},
        {"lr": 0.05, "betas": (0.8, 0.9), "weight_decay": 0.1, "amsgrad": True, "maximize": True},
    ],
    "rmsprop": [
        {},
        {"lr": 0.1},
        {"lr": 0.0},
        {"alpha": 0.5},
        {"alpha": 0.0},
        {"eps": 1e-2},
        {"weight_decay": 0.1},
        {"momentum": 0.9},
        {"centered": True},
        {"maximize": True},
        {"momentum": 0.9, "centered": True},
        {
            **{"lr": 0.05, "alpha": 0.9, "eps": 1e-4, "weight_decay": 0.1},
            **{"momentum": 0.5, "centered": True, "maximize": True},
        },
    ],
}
EVERY_CASE = [
    pytest.param(name, options, id=f"{name}-{'-'.join(options) or 'defaults'}")
    for name, cases in CASES.items()
    for options in cases
]


def random_pairs(dtype: torch.dtype, generator: torch.Generator) -> list[tuple[Tensor, Tensor]]:
    return [
        (torch.randn(shape, dtype=dtype, generator=generator), torch.zeros(shape, dtype=dtype))
        for shape in SHAPES
    ]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize(("name", "options"), EVERY_CASE)
def test_values_are_bit_for_bit_those_of_torch(
    name: str, options: Options, dtype: torch.dtype
) -> None:
    make, make_reference = FACTORIES[name]
    generator = torch.Generator().manual_seed(0)
    pairs = random_pairs(dtype, generator)
    leaves = [value.clone().requires_grad_() for value, _ in pairs]
    optimizer = make(pairs, **options)
    reference = make_reference(leaves, **{"foreach": False, **options})
    for step in range(STEPS):
        for leaf, (_, gradient) in zip(leaves, pairs, strict=True):
            leaf.grad = gradient.normal_(generator=generator).clone()
        if step == STEPS // 2:  # as a schedule does
            optimizer.lr = reference.param_groups[0]["lr"] = 0.3 * optimizer.lr
        optimizer.step()
        reference.step()
        for (value, gradient), leaf in zip(pairs, leaves, strict=True):
            torch.testing.assert_close(value, leaf.detach(), rtol=0, atol=0)
            torch.testing.assert_close(gradient, leaf.grad, rtol=0, atol=0)


@pytest.mark.parametrize("name", CASES)
def test_every_option_has_a_case(name: str) -> None:
    assert {key for options in CASES[name] for key in options} == set(
        read_schema(name)["properties"]
    )


@pytest.mark.parametrize(("name", "options"), EVERY_CASE)
def test_the_state_has_the_names_of_torch(name: str, options: Options) -> None:
    make, make_reference = FACTORIES[name]
    leaf = torch.ones(3, requires_grad=True)
    leaf.grad = torch.ones(3)
    optimizer, reference = make([(torch.ones(3), torch.ones(3))], **options), make_reference([leaf])
    reference = make_reference([leaf], **options)
    optimizer.step()
    reference.step()
    assert set(optimizer.state[0]) == set(reference.state[leaf]) - {"step"}
    assert set(optimizer.state[0]) == set(optimizer.state_names())


def test_all_values_decay_alike() -> None:
    value, gradient = torch.tensor([1.0, 1.0, -2.0]), torch.tensor([0.0, 1000.0, -0.001])
    AdamW([(value, gradient)], lr=0.1, weight_decay=0.5, eps=1e-12).step()
    torch.testing.assert_close(value, torch.tensor([0.95, 0.95 - 0.1, -1.9 + 0.1]))


def test_a_variance_is_never_negative() -> None:
    """v - m² of a gradient that never changes rounds to either side of 0."""
    value, gradient = torch.zeros(64, dtype=torch.float32), torch.linspace(0.1, 3, 64)
    optimizer = RMSprop([(value, gradient)], alpha=0.5, centered=True, eps=1.0)
    for _ in range(100):
        optimizer.step()
    state = optimizer.state[0]
    assert (state["square_avg"] - state["grad_avg"] ** 2).min() < 0
    assert value.isfinite().all()


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (AdamW, {"lr": -1}, "AdamW: lr is -1. Use a finite number >= 0."),
        (AdamW, {"betas": 0.9}, "AdamW: betas is 0.9. Use two numbers >= 0 and < 1."),
        (AdamW, {"betas": (0.9,)}, "AdamW: betas is (0.9,). Use two numbers >= 0 and < 1."),
        (AdamW, {"betas": (0.9, 1.0)}, "AdamW: betas is (0.9, 1.0). Use two numbers >= 0 and < 1."),
        (
            AdamW,
            {"betas": (-0.1, 0.9)},
            "AdamW: betas is (-0.1, 0.9). Use two numbers >= 0 and < 1.",
        ),
        (AdamW, {"eps": True}, "AdamW: eps is True. Use a finite number >= 0."),
        (AdamW, {"weight_decay": -1}, "AdamW: weight_decay is -1. Use a finite number >= 0."),
        (RMSprop, {"lr": float("nan")}, "RMSprop: lr is nan. Use a finite number >= 0."),
        (RMSprop, {"alpha": 1}, "RMSprop: alpha is 1. Use a number >= 0 and < 1."),
        (RMSprop, {"eps": -1e-8}, "RMSprop: eps is -1e-08. Use a finite number >= 0."),
        (RMSprop, {"momentum": "0"}, "RMSprop: momentum is '0'. Use a finite number >= 0."),
        (
            RMSprop,
            {"weight_decay": float("inf")},
            "RMSprop: weight_decay is inf. Use a finite number >= 0.",
        ),
    ],
)
def test_impossible_options_are_refused(
    make: Callable[..., Optimizer], options: Options, message: str
) -> None:
    with pytest.raises(ArgumentError) as caught:
        make([(torch.zeros(1), torch.zeros(1))], **options)
    assert str(caught.value) == message


def test_the_state_of_another_optimizer_is_refused() -> None:
    pairs = [(torch.zeros(1), torch.zeros(1))]
    with pytest.raises(StateError) as caught:
        AdamW(pairs).load_state_dict(RMSprop(pairs).state_dict())
    assert str(caught.value) == ("AdamW: the state differs: type is 'RMSprop' instead of 'AdamW'.")


def test_squares_below_zero_are_refused() -> None:
    for make, name in ((RMSprop, "square_avg"), (AdamW, "exp_avg_sq")):
        optimizer = make([(torch.ones(2), torch.ones(2))])
        optimizer.step()
        state = optimizer.state_dict()
        state["state"][0][name] = -torch.ones(2)
        with pytest.raises(StateError) as caught:
            optimizer.load_state_dict(state)
        assert str(caught.value) == (
            f"{make.__name__}: the state differs: state[0].{name} has values below 0."
        )
