"""What the checks of optimizers are run on, and the parameters that they are given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Final

import torch
from torch import Tensor

from zoo.optim import Optimizer
from zoo.testing.cases import normal

Pairs = list[tuple[Tensor, Tensor]]

SHAPES: Final = ((3, 2, 2, 2), (3,), ())


@dataclass(frozen=True)
class OptimizerCase:
    """One set of options of an optimizer.

    ::

        OptimizerCase(partial(Lion, weight_decay=0.1), "decay")

    Attributes:
        build: the optimizer's class, or a ``functools.partial`` of it with its options, called with
            the (value, gradient) pairs, and with ``lr`` in one check.
        id: the name of the case in reports and messages.
        maximize: whether it goes up the gradient.
        torch_reference: makes the same of torch, as a record's ``torch_reference`` does; what the
            installed entry of the optimizer's class names, if None.
        expected_failures: names of checks that are known to fail, each with the reason.
    """

    build: Callable[..., Optimizer]
    id: str
    maximize: bool = False
    torch_reference: Callable[..., torch.optim.Optimizer] | None = None
    expected_failures: Mapping[str, str] = field(default_factory=dict)


def make_pairs(seed: int) -> Pairs:
    """Parameters of several shapes with normal values, and gradients of zero."""
    return [
        (normal(shape, seed + index), torch.zeros(shape, dtype=torch.float64))
        for index, shape in enumerate(SHAPES)
    ]


def draw_gradients(pairs: Pairs, seed: int) -> Pairs:
    """The same pairs, with gradients drawn anew."""
    for index, (_, gradient) in enumerate(pairs):
        gradient.copy_(normal(tuple(gradient.shape), seed + 100 * index))
    return pairs


def take_steps(optimizer: Optimizer, pairs: Pairs, seed: int, count: int = 5) -> None:
    """Some steps with gradients that are drawn anew for each."""
    for step in range(count):
        draw_gradients(pairs, 1000 * seed + step)
        optimizer.step()


def trained(case: OptimizerCase, only: int | None = None, one_by_one: bool = False) -> list[Tensor]:
    """The values after some steps, of all parameters or of one that is alone.

    ``one_by_one`` turns ``multi_tensor`` off.
    """
    pairs = make_pairs(seed=0)
    chosen = pairs if only is None else [pairs[only]]
    optimizer = case.build(chosen)
    if one_by_one:
        optimizer.multi_tensor = False
    for step in range(5):
        draw_gradients(pairs, 1000 + step)
        optimizer.step()
    return [value for value, _ in chosen]


def quadratic(pairs: Pairs) -> float:
    """Half the sum of squares, of which the value is the gradient."""
    return sum(0.5 * float(value.square().sum()) for value, _ in pairs)


def through_a_file(state: dict[str, Any]) -> dict[str, Any]:
    """A state as it is read from a checkpoint."""
    file = BytesIO()
    torch.save(state, file)
    file.seek(0)
    loaded: dict[str, Any] = torch.load(file, weights_only=True)
    return loaded
