"""The contract of an initializer, one check for each clause.

Every check takes an :class:`InitializerCase` and raises AssertionError with the case in its message
where the clause does not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import nan, sqrt
from typing import Final

import torch
from torch import Tensor

from zoo.errors import ArgumentError
from zoo.init import Initializer, fans
from zoo.testing.cases import seeded
from zoo.testing.comparisons import NotApplicable, require, require_close

Shape = tuple[int, ...]

# A matrix and a kernel, of different fans on both sides.
SHAPES: Final = ((60, 40), (24, 16, 3, 5))
STANDARD_ERRORS: Final = 6  # by which a mean or a deviation may miss; beyond is one in 10^8


@dataclass(frozen=True)
class InitializerCase:
    """One set of options of an initializer, and what theory says of its values.

    ::

        InitializerCase(partial(HeNormal, mode="fan_out"), "fan_out", mean=0,
                        std=lambda shape: sqrt(2 / fans(shape)[1]))

    Attributes:
        build: the initializer's class, or a ``functools.partial`` of it with its options.
        id: the name of the case in reports and messages.
        mean: the expected mean, where it is known.
        std: the expected standard deviation of a weight of a shape, where it is known.
        biases: whether it also fills values of one axis; if not, it must refuse them with an
            ArgumentError.
        expected_failures: names of checks that are known to fail, each with the reason.
    """

    build: Callable[[], Initializer]
    id: str
    mean: float | None = None
    std: Callable[[Shape], float] | None = None
    biases: bool = True
    expected_failures: Mapping[str, str] = field(default_factory=dict)

    def fill(self, value: Tensor, seed: int | None = 0) -> Tensor:
        """``value`` filled, from torch's global generator where ``seed`` is None."""
        shape = tuple(value.shape) if value.dim() > 1 else (len(value), 8)
        fan_in, fan_out = fans(shape)
        generator = None if seed is None else seeded(seed)
        self.build()(value, fan_in=fan_in, fan_out=fan_out, generator=generator)
        return value

    def filled(self, shape: Shape, seed: int | None = 0) -> Tensor:
        """A new value, filled."""
        return self.fill(torch.full(shape, nan, dtype=torch.float64), seed)


InitializerCheck = Callable[[InitializerCase], None]


def check_fills_everything(case: InitializerCase) -> None:
    """Every element is overwritten, whatever was there, with a finite number."""
    for shape in SHAPES:
        value = case.filled(shape)
        unfilled = int(value.isnan().sum())
        require(
            unfilled == 0, f"{case.id}: {unfilled} of {value.numel()} values are nan, as before."
        )
        infinite = int(value.isinf().sum())
        require(infinite == 0, f"{case.id}: {infinite} of {value.numel()} values are infinite.")
        other = case.fill(torch.ones(shape, dtype=torch.float64))
        require_close(f"{case.id}: a value of ones, filled", other, value, 0)


def check_generator(case: InitializerCase) -> None:
    """The given generator decides all values, and torch's global one is not used."""
    before = torch.get_rng_state()
    for shape in SHAPES:
        value = case.filled(shape, seed=1)
        require_close(f"{case.id}: same seed", case.filled(shape, seed=1), value, 0)
        constant = bool((value == value.flatten()[0]).all())
        differs = constant or not value.equal(case.filled(shape, seed=2))
        require(differs, f"{case.id}: the values do not depend on the generator.")
    unused = torch.equal(torch.get_rng_state(), before)
    require(unused, f"{case.id}: torch's global generator is used. Use the one that is given.")


def check_no_generator(case: InitializerCase) -> None:
    """Without a generator torch's global one decides."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        value = case.filled(SHAPES[0], seed=None)
        torch.manual_seed(1)
        again = case.filled(SHAPES[0], seed=None)
    require_close(f"{case.id}: no generator, same seed", again, value, 0)


def check_in_place(case: InitializerCase) -> None:
    """The value is changed where it is, and nothing around it; nothing is returned."""
    around = torch.full((8, 9), nan, dtype=torch.float32)
    value = around[1:-1, 2:-1]
    address, strides = value.data_ptr(), value.stride()
    returned: object = case.build()(value, fan_in=6, fan_out=6, generator=seeded(0))
    require(returned is None, f"{case.id}: returns {type(returned).__name__}. Return nothing.")
    kept = (value.shape, value.dtype, value.data_ptr(), value.stride())
    require(
        kept == ((6, 6), torch.float32, address, strides) and not value.isnan().any(),
        f"{case.id}: the value is not filled where it is. Change it in place.",
    )
    value.fill_(nan)
    require(bool(around.isnan().all()), f"{case.id}: changes what is around the value.")


def check_dtypes(case: InitializerCase) -> None:
    """float32 and float64 are filled; the mean and the deviation are the same."""
    wide = case.filled(SHAPES[0])
    value = case.fill(torch.full(SHAPES[0], nan, dtype=torch.float32)).double()
    tolerance = STANDARD_ERRORS * sqrt(2 / wide.numel()) * wide.std().item() + 1e-6
    for name, actual, expected in (
        ("mean", value.mean(), wide.mean()),
        ("deviation", value.std(), wide.std()),
    ):
        require(
            abs(actual.item() - expected.item()) <= tolerance,
            f"{case.id}: the {name} of float32 values is {actual.item():.4g}, of float64 values "
            f"{expected.item():.4g}.",
        )


def check_biases(case: InitializerCase) -> None:
    """Values of one axis are filled too, or refused with an ArgumentError."""
    try:
        value = case.filled((7,))
    except ArgumentError:
        require(not case.biases, f"{case.id}: refuses a bias. Fill it, or say biases=False.")
        return
    require(case.biases, f"{case.id}: fills a bias. Raise ArgumentError, or say biases=True.")
    require(bool(value.isfinite().all()), f"{case.id}: a bias becomes {value.tolist()}.")


def check_theory(case: InitializerCase) -> None:
    """Mean and standard deviation are what the case expects, where it says so."""
    if case.mean is None and case.std is None:
        raise NotApplicable("neither mean nor deviation is known")
    for shape in SHAPES:
        value = torch.stack([case.filled(shape, seed) for seed in range(20)])
        spread = value.std().item()
        error = STANDARD_ERRORS / sqrt(value.numel())
        if case.mean is not None:
            mean = value.mean().item()
            close = abs(mean - case.mean) <= error * spread + 1e-12
            require(close, f"{case.id}: the mean of {shape} is {mean:.4g}, not {case.mean:.4g}.")
        if case.std is not None:
            expected = case.std(shape)
            close = abs(spread - expected) <= error * expected + 1e-12
            require(
                close,
                f"{case.id}: the deviation of {shape} is {spread:.4g}, not {expected:.4g}.",
            )


INITIALIZER_CHECKS: Final[Sequence[InitializerCheck]] = (
    check_fills_everything,
    check_generator,
    check_no_generator,
    check_in_place,
    check_dtypes,
    check_biases,
    check_theory,
)
