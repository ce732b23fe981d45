"""The contract of an optimizer, one check for each clause.

Every check takes an :class:`OptimizerCase`, makes the optimizer anew, and raises AssertionError
with the case in its message where the clause does not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Final

import torch

from zoo.errors import ArgumentError, StateError
from zoo.nn import Parameter
from zoo.testing.cases import normal
from zoo.testing.comparisons import require, require_close, require_raises
from zoo.testing.optimizer_cases import (
    OptimizerCase,
    draw_gradients,
    make_pairs,
    quadratic,
    take_steps,
    through_a_file,
    trained,
)
from zoo.testing.optimizer_reference import check_against_reference

LARGE: Final = 1e10  # a gradient; its square still fits float32
MANY: Final = 2000  # until running means are what they average
BEFORE, AFTER = 11, 20  # steps before and after a state is saved: not a multiple of the other

OptimizerCheck = Callable[[OptimizerCase], None]


def check_follows_the_gradient(case: OptimizerCase) -> None:
    """In 300 steps a quadratic gets smaller; larger, if the optimizer is to maximise."""
    pairs = make_pairs(seed=0)
    optimizer = case.build(pairs)
    before = quadratic(pairs)
    for _ in range(300):
        for value, gradient in pairs:
            gradient.copy_(value)
        optimizer.step()
    after = quadratic(pairs)
    followed = after > before if case.maximize else after < before
    word = "larger" if case.maximize else "smaller"
    require(
        followed,
        f"{case.id}: 300 steps on a quadratic went from {before:.4g} to {after:.4g}. "
        f"It should get {word}.",
    )


def check_same_tensors(case: OptimizerCase) -> None:
    """``step`` changes the values in place, and the gradients not at all."""
    pairs = make_pairs(seed=0)
    optimizer = case.build(pairs)
    for index, (value, gradient) in enumerate(draw_gradients(pairs, seed=1)):
        before, address, drawn = value.clone(), value.data_ptr(), gradient.clone()
        optimizer.step()
        where = f"{case.id}: step, parameter {index}"
        require_close(f"{where}, the gradient", gradient, drawn, 0)
        changed = value.data_ptr() == address and not value.equal(before)
        require(changed, f"{where}: the value is as before. Change it in place.")


def check_tensors_of_a_parameter(case: OptimizerCase) -> None:
    """A parameter that has other tensors, as after ``Module.to``, is changed where they are."""
    parameter = Parameter(normal((3,), seed=0))
    optimizer = case.build([parameter])
    parameter.value, parameter.gradient = normal((3,), seed=0), normal((3,), seed=1)
    before = parameter.value.clone()
    optimizer.step()
    require(
        not parameter.value.equal(before),
        f"{case.id}: a Parameter with other tensors is not changed. Unpack it in each step.",
    )


def check_deterministic(case: OptimizerCase) -> None:
    """The same gradients give the same values, bit for bit, without torch's global generator."""
    before = torch.get_rng_state()
    first, again = trained(case), trained(case)
    for index, (value, other) in enumerate(zip(first, again, strict=True)):
        require_close(f"{case.id}: the same again, parameter {index}", other, value, 0)
    unused = torch.equal(torch.get_rng_state(), before)
    require(unused, f"{case.id}: torch's global generator is used.")


def check_each_parameter_alone(case: OptimizerCase) -> None:
    """A parameter is changed as if there were no other: no state is shared."""
    together = trained(case)
    for index, expected in enumerate(together):
        (alone,) = trained(case, only=index)
        require_close(f"{case.id}: parameter {index} alone", alone, expected, 0)


def check_all_at_once(case: OptimizerCase) -> None:
    """``update`` does the same to all parameters at once as to each, bit for bit."""
    for index, (value, expected) in enumerate(
        zip(trained(case), trained(case, one_by_one=True), strict=True)
    ):
        require_close(f"{case.id}: all at once, parameter {index}", value, expected, 0)


def check_state_round_trip(case: OptimizerCase) -> None:
    """An optimizer that is given another's state, through a file, goes on as that one does."""
    pairs = make_pairs(seed=0)
    optimizer = case.build(pairs)
    take_steps(optimizer, pairs, seed=1, count=BEFORE)
    optimizer.lr = optimizer.lr / 2
    copied = [(value.clone(), gradient.clone()) for value, gradient in pairs]
    other = case.build(copied)
    other.load_state_dict(through_a_file(optimizer.state_dict()))
    require(
        other.lr == optimizer.lr,
        f"{case.id}: after load_state_dict lr is {other.lr}. It should be {optimizer.lr}.",
    )
    for step in range(AFTER):
        take_steps(optimizer, pairs, seed=2 + step, count=1)
        take_steps(other, copied, seed=2 + step, count=1)
        for index, ((value, _), (expected, _)) in enumerate(zip(copied, pairs, strict=True)):
            where = f"{case.id}: step {step + 1} after load_state_dict, parameter {index}"
            require_close(f"{where} (is all that it remembers in its state?)", value, expected, 0)


def check_state_of_others(case: OptimizerCase) -> None:
    """The state of fewer parameters is refused with a StateError."""
    pairs = make_pairs(seed=0)
    optimizer, fewer = case.build(pairs), case.build(pairs[:-1])
    take_steps(optimizer, pairs, seed=1)
    where = f"{case.id}: the state of other parameters"
    require_raises(where, StateError, fewer.load_state_dict, optimizer.state_dict())


def check_options(case: OptimizerCase) -> None:
    """Each argument is in ``options``, and a state with another type or option is refused."""
    pairs = make_pairs(seed=0)
    optimizer = case.build(pairs)
    _, *arguments = signature(type(optimizer)).parameters.values()  # without the pairs
    known = ("lr", *optimizer.options)
    missing = [
        item.name for item in arguments if item.name not in known and item.kind != item.VAR_KEYWORD
    ]
    require(
        not missing,
        f"{case.id}: the arguments {', '.join(missing)} are not in options. Add them, so that "
        "a run is not resumed with others.",
    )
    take_steps(optimizer, pairs, seed=1)
    state = optimizer.state_dict()
    for name in ("type", *optimizer.options):
        where = f"{case.id}: a state with another {name}"
        require(name in state, f"{where} cannot be told: state_dict has no {name}.")
        other = {**state, name: "another"}
        require_raises(where, StateError, case.build(pairs).load_state_dict, other)


def check_no_learning_rate(case: OptimizerCase) -> None:
    """With a learning rate of 0 nothing changes."""
    pairs = make_pairs(seed=0)
    optimizer = case.build(pairs)
    optimizer.lr = 0.0
    before = [value.clone() for value, _ in pairs]
    take_steps(optimizer, pairs, seed=1)
    for index, ((value, _), expected) in enumerate(zip(pairs, before, strict=True)):
        require_close(f"{case.id}: lr 0, parameter {index}", value, expected, 0)


def check_schedule(case: OptimizerCase) -> None:
    """A learning rate that a schedule has set holds from the next step on."""
    changes = []
    for factor in (1.0, 0.01):
        pairs = make_pairs(seed=0)
        optimizer = case.build(pairs)
        take_steps(optimizer, pairs, seed=1)
        before = [value.clone() for value, _ in pairs]
        optimizer.lr = optimizer.lr * factor
        take_steps(optimizer, pairs, seed=2, count=1)
        steps = zip(pairs, before, strict=True)
        changes.append(sum(float((value - old).abs().sum()) for (value, _), old in steps))
    full, small = changes
    require(
        0.001 * full < small < 0.1 * full,
        f"{case.id}: a step with a hundredth of the learning rate changes {small:.4g} instead of "
        f"{full:.4g}. It should change about a hundredth.",
    )


def check_refuses_nonsense(case: OptimizerCase) -> None:
    """No parameters, and learning rates that are none, are refused with an ArgumentError."""
    require_raises(f"{case.id}: no parameters", ArgumentError, case.build, [])
    for lr in (-0.1, float("nan"), float("inf"), "0.1", True):
        where = f"{case.id}: lr {lr!r}"
        require_raises(where, ArgumentError, lambda lr=lr: case.build(make_pairs(seed=0), lr=lr))


def check_dtypes(case: OptimizerCase) -> None:
    """float32 stays float32, also in the state, and is float64 rounded."""
    pairs = [(value.float(), gradient.float()) for value, gradient in make_pairs(seed=0)]
    wide = [(value.double(), gradient.double()) for value, gradient in pairs]
    optimizer = case.build(pairs)
    take_steps(optimizer, pairs, seed=1)
    for index, state in enumerate(optimizer.state):
        for name, tensor in state.items():
            require(
                tensor.dtype == torch.float32,
                f"{case.id}: {name} of parameter {index}, which is torch.float32, is "
                f"{tensor.dtype}. Use the value's dtype.",
            )
    take_steps(case.build(wide), wide, seed=1)
    for index, ((value, _), (expected, _)) in enumerate(zip(pairs, wide, strict=True)):
        where = f"{case.id}: float32 against float64, parameter {index}"
        require_close(where, value.double(), expected, 1e-3)


def check_strides(case: OptimizerCase) -> None:
    """The strides of values and gradients make no difference."""
    value, gradient = normal((4, 5), seed=0), normal((4, 5), seed=1)
    turned = value.t().contiguous().t(), gradient.t().contiguous().t()
    for pair in ((value, gradient), turned):
        optimizer = case.build([pair])
        for _ in range(3):
            optimizer.step()
    require_close(f"{case.id}: a transposed parameter", turned[0], value, 1e-12)


def check_zero_gradient(case: OptimizerCase) -> None:
    """A gradient of 0, as of a weight that nothing uses, gives no nan or inf."""
    value = normal((3,), seed=0)
    optimizer = case.build([(value, torch.zeros_like(value))])
    for _ in range(3):
        optimizer.step()
    finite = bool(value.isfinite().all())
    require(finite, f"{case.id}: a gradient of 0 gives {value.tolist()}. It should be finite.")


def check_constant_gradient(case: OptimizerCase) -> None:
    """A gradient that stays as it is gives no nan or inf, however float32 rounds its means."""
    value, gradient = normal((16,), 0, torch.float32), normal((16,), 1, torch.float32)
    optimizer = case.build([(value, gradient)])
    for _ in range(MANY):
        optimizer.step()
    require(
        bool(value.isfinite().all()),
        f"{case.id}: {MANY} steps with one gradient give {value.tolist()}. They should be finite.",
    )


def check_large_gradient(case: OptimizerCase) -> None:
    """A large gradient, as of a loss that is a sum, gives no nan or inf in float32."""
    value, gradient = normal((16,), 0, torch.float32), LARGE * normal((16,), 1, torch.float32)
    optimizer = case.build([(value, gradient)])
    for _ in range(3):
        optimizer.step()
    require(
        bool(value.isfinite().all()),
        f"{case.id}: gradients of about {LARGE:g} give {value.tolist()}. They should be finite.",
    )


OPTIMIZER_CHECKS: Final[Sequence[OptimizerCheck]] = (
    check_follows_the_gradient,
    check_same_tensors,
    check_tensors_of_a_parameter,
    check_deterministic,
    check_each_parameter_alone,
    check_all_at_once,
    check_state_round_trip,
    check_state_of_others,
    check_options,
    check_no_learning_rate,
    check_schedule,
    check_refuses_nonsense,
    check_dtypes,
    check_strides,
    check_zero_gradient,
    check_constant_gradient,
    check_large_gradient,
    check_against_reference,
)
