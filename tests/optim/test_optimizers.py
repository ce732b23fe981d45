"""SGD and Adam against torch.optim, over 20 steps, for every option."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from functools import partial
from io import BytesIO
from typing import Any

import pytest
import torch
from torch import Tensor

from zoo.errors import ArgumentError, StateError
from zoo.nn import Parameter
from zoo.optim import SGD, Adam, Optimizer

Options = dict[str, Any]

STEPS = 20
SHAPES = ((4, 3, 3, 3), (4,), (5, 7), (1,), ())
FACTORIES: dict[str, tuple[Callable[..., Optimizer], Callable[..., torch.optim.Optimizer]]] = {
    "sgd": (SGD, torch.optim.SGD),
    "adam": (Adam, torch.optim.Adam),
}
CASES: dict[str, list[Options]] = {
    "sgd": [
        {},
        {"lr": 0.1},
        {"lr": 0.0},
        {"momentum": 0.9},
        {"momentum": 0.9, "dampening": 0.3},
        {"momentum": 0.9, "nesterov": True},
        {"weight_decay": 0.1},
        {"maximize": True},
        {"lr": 0.05, "momentum": 0.8, "dampening": 0.1, "weight_decay": 0.01, "maximize": True},
        {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.01, "maximize": True},
    ],
    "adam": [
        {},
        {"lr": 0.1},
        {"betas": (0.5, 0.6)},
        {"betas": (0.0, 0.0)},
        {"eps": 1e-2},
        {"weight_decay": 0.1},
        {"amsgrad": True},
        {"maximize": True},
        {"lr": 0.05, "betas": (0.8, 0.9), "weight_decay": 0.1, "amsgrad": True, "maximize": True},
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


def draw_gradients(pairs: list[tuple[Tensor, Tensor]], generator: torch.Generator) -> None:
    for _, gradient in pairs:
        gradient.normal_(generator=generator)


def values(pairs: list[tuple[Tensor, Tensor]]) -> list[Tensor]:
    return [value for value, _ in pairs]


def assert_identical(actual: list[Tensor], expected: list[Tensor]) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=0)


def through_a_file(state: dict[str, Any]) -> dict[str, Any]:
    file = BytesIO()
    torch.save(state, file)
    file.seek(0)
    loaded: dict[str, Any] = torch.load(file, weights_only=True)
    return loaded


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize(("name", "options"), EVERY_CASE)
def test_values_are_bit_for_bit_those_of_torch(
    name: str, options: Options, dtype: torch.dtype
) -> None:
    make, make_reference = FACTORIES[name]
    generator = torch.Generator().manual_seed(0)
    pairs = random_pairs(dtype, generator)
    leaves = [value.clone().requires_grad_() for value in values(pairs)]
    optimizer = make(pairs, **options)
    reference = make_reference(leaves, **{"lr": 1e-3, "foreach": False, **options})
    for step in range(STEPS):
        draw_gradients(pairs, generator)
        for leaf, (_, gradient) in zip(leaves, pairs, strict=True):
            leaf.grad = gradient.clone()
        if step == STEPS // 2:  # as a schedule does
            optimizer.lr = reference.param_groups[0]["lr"] = 0.3 * optimizer.lr
        optimizer.step()
        reference.step()
        assert_identical(values(pairs), [leaf.detach() for leaf in leaves])


def mixed_pairs(generator: torch.Generator) -> list[tuple[Tensor, Tensor]]:
    """Several dtypes, and strides that differ between value and gradient, and from each other."""
    narrow, wide = (random_pairs(dtype, generator) for dtype in (torch.float32, torch.float64))
    image, turned = torch.randn(2, 3, 4, 5, generator=generator), torch.zeros(3, 2, 4, 5)
    return [
        *narrow,
        *wide,
        (image.to(memory_format=torch.channels_last), turned.transpose(0, 1)),
        (torch.randn(0, 3, generator=generator), torch.zeros(0, 3)),
    ]


@pytest.mark.parametrize(("name", "options"), EVERY_CASE)
def test_all_at_once_is_one_after_the_other_bit_for_bit(name: str, options: Options) -> None:
    make = FACTORIES[name][0]
    generator = torch.Generator().manual_seed(0)
    together = mixed_pairs(generator)
    alone = copy.deepcopy(together)
    at_once, in_turn = make(together, **options), make(alone, **options)
    assert at_once.multi_tensor
    in_turn.multi_tensor = False
    for step in range(STEPS):
        draw_gradients(together, generator)
        for (_, gradient), (_, other) in zip(together, alone, strict=True):
            other.copy_(gradient)
        at_once.lr = in_turn.lr = 0.1 / (step + 1)
        at_once.step()
        in_turn.step()
        assert_identical(values(together), values(alone))
        torch.testing.assert_close(at_once.state, in_turn.state, rtol=0, atol=0)


class Downhill(SGD):
    """Uses what only a tensor has, and does not say that it can take all parameters at once."""

    def update(self, value: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        value[gradient > 0] -= 1
        value[gradient < 0] += 1


def test_a_subclass_with_an_update_of_its_own_is_followed() -> None:
    value, gradient = torch.zeros(3), torch.tensor([2.0, -3.0, 0.0])
    optimizer = Downhill([(value, gradient)], lr=0.5)
    for _ in range(3):
        optimizer.step()
    assert value.tolist() == [-3.0, 3.0, 0.0]


def test_gradients_of_pairs_and_parameters_are_zeroed() -> None:
    pair, parameter = (torch.ones(2), torch.ones(2)), Parameter(torch.ones(3))
    parameter.add_gradient(torch.ones(3))
    SGD([pair, parameter]).zero_grad()
    assert_identical([pair[1], parameter.gradient], [torch.zeros(2), torch.zeros(3)])
    assert_identical([pair[0], parameter.value], [torch.ones(2), torch.ones(3)])


@pytest.mark.parametrize(("name", "options"), EVERY_CASE)
def test_gradients_are_left_as_they_are(name: str, options: Options) -> None:
    generator = torch.Generator().manual_seed(0)
    pairs = random_pairs(torch.float32, generator)
    draw_gradients(pairs, generator)
    before = [gradient.clone() for _, gradient in pairs]
    optimizer = FACTORIES[name][0](pairs, **options)
    optimizer.step()
    optimizer.step()
    assert_identical([gradient for _, gradient in pairs], before)


@pytest.mark.parametrize(("name", "options"), EVERY_CASE)
def test_a_restored_optimizer_continues_identically(name: str, options: Options) -> None:
    make = FACTORIES[name][0]
    generator = torch.Generator().manual_seed(0)
    pairs = random_pairs(torch.float32, generator)
    optimizer = make(pairs, **options)
    for _ in range(5):
        draw_gradients(pairs, generator)
        optimizer.step()
    optimizer.lr = 0.02
    restored_pairs = copy.deepcopy(pairs)
    restored = make(restored_pairs, **options)
    restored.load_state_dict(through_a_file(optimizer.state_dict()))
    assert restored.lr == 0.02
    for _ in range(5):
        draw_gradients(pairs, generator)
        for (_, gradient), (_, other) in zip(pairs, restored_pairs, strict=True):
            other.copy_(gradient)
        optimizer.step()
        restored.step()
    assert_identical(values(restored_pairs), values(pairs))


@pytest.mark.parametrize("name", FACTORIES)
def test_a_state_from_before_the_first_step_can_be_restored(name: str) -> None:
    pairs = random_pairs(torch.float32, torch.Generator().manual_seed(0))
    optimizer = FACTORIES[name][0](pairs)
    optimizer.load_state_dict(through_a_file(optimizer.state_dict()))
    assert optimizer.steps == 0
    assert optimizer.state == [{}] * len(pairs)


def test_state_dict_holds_options_and_tensors() -> None:
    value, gradient = torch.zeros(3), torch.tensor([1.0, 2.0, 3.0])
    optimizer = SGD([(value, gradient)], lr=1, momentum=0.9)
    optimizer.step()
    state = optimizer.state_dict()
    assert_identical([state["state"][0].pop("momentum_buffer")], [gradient])
    assert state == {
        "type": "SGD",
        "lr": 1.0,
        "momentum": 0.9,
        "dampening": 0.0,
        "weight_decay": 0.0,
        "nesterov": False,
        "maximize": False,
        "step": 1,
        "state": [{}],
    }


def test_loaded_tensors_are_copies() -> None:
    pairs = random_pairs(torch.float32, torch.Generator().manual_seed(0))
    optimizer = Adam(pairs)
    optimizer.step()
    state = optimizer.state_dict()
    optimizer.load_state_dict(state)
    state["state"][0]["exp_avg"].fill_(7.0)
    assert_identical([optimizer.state[0]["exp_avg"]], [torch.zeros(SHAPES[0])])


@pytest.mark.parametrize(
    ("name", "options"), [("sgd", {"momentum": 0.9}), ("adam", {"amsgrad": True})]
)
def test_state_has_the_dtype_and_strides_of_the_value(name: str, options: Options) -> None:
    value = torch.randn(2, 3, 4, 5, dtype=torch.float64).to(memory_format=torch.channels_last)
    gradient = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    optimizer = FACTORIES[name][0]([(value, gradient)], **options)
    optimizer.step()
    restored = FACTORIES[name][0]([(value, gradient)], **options)
    restored.load_state_dict(optimizer.state_dict())
    for state in (optimizer.state[0], restored.state[0]):
        assert set(state) == set(optimizer.state_names())
        assert all(tensor.dtype == torch.float64 for tensor in state.values())
        assert all(tensor.stride() == value.stride() for tensor in state.values())


def strides(tensors: Iterable[Tensor]) -> list[tuple[int, ...]]:
    return [tensor.stride() for tensor in tensors]


@pytest.mark.parametrize("steps", [0, 2])
@pytest.mark.parametrize("multi_tensor", [True, False])
@pytest.mark.parametrize(("name", "options"), EVERY_CASE)
def test_the_state_follows_the_strides_of_the_values(
    name: str, options: Options, multi_tensor: bool, steps: int
) -> None:
    generator = torch.Generator().manual_seed(0)
    pairs = [(torch.randn(4, 3, 3, 2, generator=generator), torch.zeros(4, 3, 3, 2))]
    parameters = [Parameter(pairs[0][0].clone())]
    as_it_was = FACTORIES[name][0](pairs, **options)
    draw_gradients(pairs, generator)
    for _ in range(steps):
        as_it_was.step()
    optimizer = FACTORIES[name][0](parameters, **options)
    optimizer.multi_tensor = multi_tensor
    optimizer.load_state_dict(as_it_was.state_dict())
    order = partial(Tensor.clone, memory_format=torch.contiguous_format)
    for axes in ((0, 1, 2, 3), (0, 2, 3, 1), (0, 1, 2, 3), (1, 2, 3, 0)):
        back = sorted(range(4), key=axes.__getitem__)
        value, gradient = pairs[0]
        parameters[0].value = order(value.permute(axes)).permute(back)
        parameters[0].gradient = order(gradient.permute(axes)).permute(back)
        as_it_was.step()
        optimizer.step()
        assert_identical([parameters[0].value], [value])
        state = optimizer.state[0]
        assert strides(state.values()) == [parameters[0].value.stride()] * len(state)
        torch.testing.assert_close(optimizer.state, as_it_was.state, rtol=0, atol=0)


@pytest.mark.parametrize("name", FACTORIES)
def test_tensors_that_a_parameter_got_after_construction_are_used(name: str) -> None:
    parameter = Parameter(torch.ones(3))
    optimizer = FACTORIES[name][0]([parameter], lr=0.1)
    parameter.value = parameter.value.double()
    parameter.gradient = torch.ones(3, dtype=torch.float64)
    optimizer.step()
    torch.testing.assert_close(parameter.value, torch.full((3,), 0.9, dtype=torch.float64))
    optimizer.zero_grad()
    assert_identical([parameter.gradient], [torch.zeros(3, dtype=torch.float64)])


def test_params_may_be_a_generator() -> None:
    pairs = random_pairs(torch.float32, torch.Generator().manual_seed(0))
    optimizer = SGD(pair for pair in pairs)
    draw_gradients(pairs, torch.Generator().manual_seed(1))
    before = [value.clone() for value in values(pairs)]
    optimizer.step()
    assert all((value != old).any() for value, old in zip(values(pairs), before, strict=True))


def test_a_leaf_of_autograd_can_be_updated() -> None:
    value = torch.ones(3, requires_grad=True)
    SGD([(value, torch.ones(3))], lr=0.5).step()
    assert value.tolist() == [0.5, 0.5, 0.5]
    assert value.is_leaf


def test_report_r1_takes_the_same_steps_at_a_constant_rate() -> None:
    generator = torch.Generator().manual_seed(0)
    value, gradient = torch.randn(50, dtype=torch.float64), torch.zeros(50, dtype=torch.float64)
    w, u = value.clone(), torch.zeros_like(value)
    optimizer = SGD([(value, gradient)], lr=0.1, momentum=0.9)
    for _ in range(STEPS):
        gradient.normal_(generator=generator)
        u = 0.9 * u + 0.1 * gradient
        w = w - u
        optimizer.step()
    torch.testing.assert_close(value, w, rtol=1e-12, atol=1e-12)


def one_pair() -> list[tuple[Tensor, Tensor]]:
    return [(torch.zeros(2), torch.zeros(2))]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SGD([]), "SGD: params is empty. Give at least one (value, gradient) pair."),
        (
            lambda: Adam([*one_pair(), torch.zeros(2, 2)]),
            "Adam: params[1] is a Tensor, not a (value, gradient) pair. "
            "Use pairs of tensors of one shape, as model.param() gives.",
        ),
        (
            lambda: SGD([(torch.zeros(2), torch.zeros(3))]),
            "SGD: params[0] is a tuple, not a (value, gradient) pair. "
            "Use pairs of tensors of one shape, as model.param() gives.",
        ),
        (lambda: SGD(one_pair(), lr=-1.0), "SGD: lr is -1.0. Use a finite number >= 0."),
        (
            lambda: Adam(one_pair(), lr=float("nan")),
            "Adam: lr is nan. Use a finite number >= 0.",
        ),
        (lambda: Adam(one_pair(), lr=True), "Adam: lr is True. Use a finite number >= 0."),
        (
            lambda: SGD(one_pair(), momentum=-0.1),
            "SGD: momentum is -0.1. Use a finite number >= 0.",
        ),
        (
            lambda: SGD(one_pair(), dampening=float("inf")),
            "SGD: dampening is inf. Use a finite number.",
        ),
        (
            lambda: SGD(one_pair(), weight_decay=-1),
            "SGD: weight_decay is -1. Use a finite number >= 0.",
        ),
        (
            lambda: SGD(one_pair(), nesterov=True),
            "SGD: nesterov is on with momentum 0.0 and dampening 0.0. "
            "Use a momentum > 0 and no dampening with it.",
        ),
        (
            lambda: SGD(one_pair(), momentum=0.9, dampening=0.5, nesterov=True),
            "SGD: nesterov is on with momentum 0.9 and dampening 0.5. "
            "Use a momentum > 0 and no dampening with it.",
        ),
        (
            lambda: Adam(one_pair(), betas=(0.9, 1.0)),
            "Adam: betas is (0.9, 1.0). Use two numbers >= 0 and < 1.",
        ),
        (
            lambda: Adam(one_pair(), betas=(0.9, -0.1)),
            "Adam: betas is (0.9, -0.1). Use two numbers >= 0 and < 1.",
        ),
        (
            lambda: Adam(one_pair(), betas=(0.9, 0.99, 0.999)),  # type: ignore[arg-type]  # the mistake
            "Adam: betas is (0.9, 0.99, 0.999). Use two numbers >= 0 and < 1.",
        ),
        (
            lambda: Adam(one_pair(), eps=-1e-8),
            "Adam: eps is -1e-08. Use a finite number >= 0.",
        ),
        (
            lambda: Adam(one_pair(), weight_decay=float("inf")),
            "Adam: weight_decay is inf. Use a finite number >= 0.",
        ),
    ],
)
def test_impossible_arguments(make: Callable[[], Optimizer], message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        make()
    assert str(caught.value) == message


def stepped(make: type[Optimizer] = SGD, **options: Any) -> Optimizer:
    optimizer = make([(torch.zeros(2), torch.ones(2)), (torch.zeros(3), torch.ones(3))], **options)
    optimizer.step()
    return optimizer


def without(state: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: item for name, item in state.items() if name != key}


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (lambda state: {**state, "type": "Adam"}, "type is 'Adam' instead of 'SGD'"),
        (lambda state: without(state, "lr"), "lr is missing"),
        (
            lambda state: {**without(state, "step"), "steps": 1},
            "step is missing; steps is unexpected",
        ),
        (
            lambda state: {**state, "momentum": 0.0, "maximize": True},
            "momentum is 0.0 instead of 0.9; maximize is True instead of False",
        ),
        (lambda state: {**state, "lr": "0.1"}, "lr is of type str instead of float"),
        (lambda state: {**state, "state": []}, "it is of 0 parameters instead of 2"),
        (
            lambda state: {**state, "state": [{}, {"momentum": torch.zeros(3)}]},
            "state[0].momentum_buffer is missing; state[1].momentum_buffer is missing; "
            "state[1].momentum is unexpected",
        ),
        (
            lambda state: {**state, "step": 0},
            "state[0].momentum_buffer is unexpected; state[1].momentum_buffer is unexpected",
        ),
        (
            lambda state: {**state, "state": state["state"][::-1]},
            "state[0].momentum_buffer has shape (3,) instead of (2,); "
            "state[1].momentum_buffer has shape (2,) instead of (3,)",
        ),
    ],
)
def test_a_state_that_differs_is_refused_and_nothing_is_loaded(
    change: Callable[[dict[str, Any]], dict[str, Any]], difference: str
) -> None:
    state = {**stepped(momentum=0.9).state_dict(), "lr": 0.5}
    optimizer = stepped(momentum=0.9)
    with pytest.raises(StateError) as caught:
        optimizer.load_state_dict(change(state))
    assert str(caught.value) == f"SGD: the state differs: {difference}."
    assert optimizer.lr == 1e-3
    assert_identical([optimizer.state[0]["momentum_buffer"]], [torch.ones(2)])


def test_squares_below_zero_are_refused() -> None:
    state = stepped(Adam, amsgrad=True).state_dict()
    optimizer = stepped(Adam, amsgrad=True)
    optimizer.load_state_dict(state)
    for moment in state["state"][1].values():
        moment[-1] = -1e-9
    with pytest.raises(StateError) as caught:
        optimizer.load_state_dict(state)
    assert str(caught.value) == (
        "Adam: the state differs: state[1].exp_avg_sq has values below 0; "
        "state[1].max_exp_avg_sq has values below 0."
    )


def test_an_optimizer_must_implement_update() -> None:
    with pytest.raises(NotImplementedError) as caught:
        Optimizer(one_pair(), lr=0.1).step()
    assert str(caught.value) == "Optimizer.update"
