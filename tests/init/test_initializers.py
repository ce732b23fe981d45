"""Initializers against theory, against torch.nn.init, and as functions of their generator."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from zoo.errors import ArgumentError, ShapeError
from zoo.init import (
    PYTORCH,
    Constant,
    HeNormal,
    HeUniform,
    Initializer,
    Normal,
    PyTorch,
    Uniform,
    XavierNormal,
    XavierUniform,
    Zeros,
    fans,
)

SCHEMAS = Path(__file__).parents[2] / "schemas" / "initializer"

# A matrix, a kernel, a kernel of a grouped convolution, and one that is not square.
SHAPES = ((300, 200), (64, 32, 3, 3), (60, 8, 5, 5), (48, 96, 3, 7))


@dataclass(frozen=True)
class Case:
    """An initializer, what theory says of its values, and torch's function for the same."""

    initializer: Initializer
    mean: float
    variance: Callable[[int, int], float]  # of (fan_in, fan_out)
    uniform: bool = False  # no value further from the mean than sqrt(3) standard deviations
    reference: Callable[[Tensor, torch.Generator], Tensor] | None = None


CASES: dict[str, list[Case]] = {
    "pytorch": [
        Case(
            PYTORCH,
            0.0,
            lambda fan_in, _: 1 / (3 * fan_in),
            uniform=True,
            reference=lambda w, g: torch.nn.init.kaiming_uniform_(w, a=math.sqrt(5), generator=g),
        )
    ],
    "he_normal": [
        Case(
            HeNormal(),
            0.0,
            lambda fan_in, _: 2 / fan_in,
            reference=lambda w, g: torch.nn.init.kaiming_normal_(w, generator=g),
        ),
        Case(
            HeNormal(mode="fan_out", negative_slope=0.5),
            0.0,
            lambda _, fan_out: 2 / (1.25 * fan_out),
            reference=lambda w, g: torch.nn.init.kaiming_normal_(
                w, a=0.5, mode="fan_out", generator=g
            ),
        ),
    ],
    "he_uniform": [
        Case(
            HeUniform(),
            0.0,
            lambda fan_in, _: 2 / fan_in,
            uniform=True,
            reference=lambda w, g: torch.nn.init.kaiming_uniform_(w, generator=g),
        ),
        Case(
            HeUniform(mode="fan_out", negative_slope=0.5),
            0.0,
            lambda _, fan_out: 2 / (1.25 * fan_out),
            uniform=True,
            reference=lambda w, g: torch.nn.init.kaiming_uniform_(
                w, a=0.5, mode="fan_out", generator=g
            ),
        ),
    ],
    "xavier_normal": [
        Case(
            XavierNormal(),
            0.0,
            lambda fan_in, fan_out: 2 / (fan_in + fan_out),
            reference=lambda w, g: torch.nn.init.xavier_normal_(w, generator=g),
        ),
        Case(
            XavierNormal(gain=2.0),
            0.0,
            lambda fan_in, fan_out: 8 / (fan_in + fan_out),
            reference=lambda w, g: torch.nn.init.xavier_normal_(w, gain=2.0, generator=g),
        ),
    ],
    "xavier_uniform": [
        Case(
            XavierUniform(),
            0.0,
            lambda fan_in, fan_out: 2 / (fan_in + fan_out),
            uniform=True,
            reference=lambda w, g: torch.nn.init.xavier_uniform_(w, generator=g),
        ),
        Case(
            XavierUniform(gain=2.0),
            0.0,
            lambda fan_in, fan_out: 8 / (fan_in + fan_out),
            uniform=True,
            reference=lambda w, g: torch.nn.init.xavier_uniform_(w, gain=2.0, generator=g),
        ),
    ],
    "normal": [
        Case(
            Normal(),
            0.0,
            lambda *_: 1e-4,
            reference=lambda w, g: torch.nn.init.normal_(w, 0.0, 0.01, generator=g),
        ),
        Case(
            Normal(mean=1.5, std=0.5),
            1.5,
            lambda *_: 0.25,
            reference=lambda w, g: torch.nn.init.normal_(w, 1.5, 0.5, generator=g),
        ),
    ],
    "uniform": [
        Case(
            Uniform(low=-1.0, high=3.0),
            1.0,
            lambda *_: 16 / 12,
            uniform=True,
            reference=lambda w, g: torch.nn.init.uniform_(w, -1.0, 3.0, generator=g),
        )
    ],
    "constant": [Case(Constant(0.001), 0.001, lambda *_: 0.0)],
    "zeros": [Case(Zeros(), 0.0, lambda *_: 0.0)],
}
FACTORIES: dict[str, Callable[..., Initializer]] = {
    "pytorch": PyTorch,
    "he_normal": HeNormal,
    "he_uniform": HeUniform,
    "xavier_normal": XavierNormal,
    "xavier_uniform": XavierUniform,
    "normal": Normal,
    "uniform": Uniform,
    "constant": Constant,
    "zeros": Zeros,
}
EVERY_CASE = [
    pytest.param(case, id=f"{name}-{number}")
    for name, cases in CASES.items()
    for number, case in enumerate(cases)
]
RANDOM_CASES = [
    pytest.param(case, id=f"{name}-{number}")
    for name, cases in CASES.items()
    for number, case in enumerate(cases)
    if case.reference is not None
]
DTYPES = pytest.mark.parametrize(
    "dtype", [torch.float32, torch.float64], ids=["float32", "float64"]
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def filled(
    initializer: Initializer,
    shape: tuple[int, ...],
    generator: torch.Generator | None,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    value = torch.full(shape, math.nan, dtype=dtype)
    fan_in, fan_out = fans(shape)
    initializer(value, fan_in=fan_in, fan_out=fan_out, generator=generator)
    return value


@DTYPES
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("case", EVERY_CASE)
def test_mean_and_variance_are_those_of_theory(
    case: Case, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    value = filled(case.initializer, shape, seeded(), dtype).double()  # sums need the digits
    std = math.sqrt(case.variance(*fans(shape)))
    n = value.numel()
    assert value.isfinite().all()
    # Five standard errors: of the mean sigma/sqrt(n), of a normal's deviation sigma/sqrt(2n).
    assert value.mean().item() == pytest.approx(case.mean, abs=5 * std / math.sqrt(n) + 1e-9)
    assert value.std().item() == pytest.approx(std, rel=5 / math.sqrt(2 * n), abs=1e-9)
    if case.uniform:
        assert (value - case.mean).abs().max().item() == pytest.approx(math.sqrt(3) * std, rel=0.01)


@DTYPES
@pytest.mark.parametrize("shape", [*SHAPES, (2, 3)], ids=str)
@pytest.mark.parametrize("case", RANDOM_CASES)
def test_values_are_bit_for_bit_those_of_torch(
    case: Case, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    assert case.reference is not None
    expected = case.reference(torch.empty(shape, dtype=dtype), seeded(3))
    actual = filled(case.initializer, shape, seeded(3), dtype)
    torch.testing.assert_close(actual, expected, rtol=0, atol=0)


@pytest.mark.parametrize("own", [False, True], ids=["global", "own"])
@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.nn.Linear(30, 20),
        lambda: torch.nn.Conv2d(6, 8, (3, 5)),
        lambda: torch.nn.Conv2d(6, 8, 3, groups=2),
        lambda: torch.nn.ConvTranspose2d(6, 8, 3),
    ],
    ids=["linear", "conv2d", "grouped", "transposed"],
)
def test_pytorch_fills_a_layer_like_a_new_one_of_torch(
    make: Callable[[], torch.nn.Linear], own: bool
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        layer = make()
        torch.manual_seed(5)
        generator = seeded(5) if own else None
        fan_in, fan_out = fans(layer.weight.shape)
        for expected in (layer.weight.detach(), layer.bias.detach()):
            value = torch.full_like(expected, math.nan)
            PYTORCH(value, fan_in=fan_in, fan_out=fan_out, generator=generator)
            torch.testing.assert_close(value, expected, rtol=0, atol=0)


@pytest.mark.parametrize("case", RANDOM_CASES)
def test_the_seed_decides_the_values(case: Case) -> None:
    shape = (20, 30)
    value = filled(case.initializer, shape, seeded(1))
    assert value.equal(filled(case.initializer, shape, seeded(1)))
    assert not value.equal(filled(case.initializer, shape, seeded(2)))


@pytest.mark.parametrize("case", EVERY_CASE)
def test_an_own_generator_leaves_the_global_one_alone(case: Case) -> None:
    before = torch.get_rng_state()
    filled(case.initializer, (20, 30), seeded())
    assert torch.get_rng_state().equal(before)


@pytest.mark.parametrize("case", RANDOM_CASES)
def test_without_a_generator_the_global_one_is_used(case: Case) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(4)
        value = filled(case.initializer, (20, 30), None)
    assert value.equal(filled(case.initializer, (20, 30), seeded(4)))


@pytest.mark.parametrize("case", EVERY_CASE)
def test_a_bias_is_filled_too(case: Case) -> None:
    value = torch.full((8,), math.nan)
    case.initializer(value, fan_in=12, fan_out=8, generator=seeded())
    assert value.isfinite().all()


@pytest.mark.parametrize(
    "initializer",
    [PYTORCH, HeNormal(), HeUniform(mode="fan_out"), XavierNormal(), XavierUniform()],
    ids=str,
)
def test_a_fan_of_zero_gives_zeros(initializer: Initializer) -> None:
    value = torch.full((8,), math.nan)
    initializer(value, fan_in=0, fan_out=0, generator=seeded())
    assert value.tolist() == [0.0] * 8


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((20, 30), (30, 20)),
        ((8, 6, 3, 5), (90, 120)),
        ((8, 2, 3, 3), (18, 72)),
        ([8, 4, 7], (28, 56)),
        (torch.empty(8, 6, 3, 5).shape, (90, 120)),
    ],
    ids=str,
)
def test_fans_are_those_of_torch(shape: tuple[int, ...], expected: tuple[int, int]) -> None:
    assert fans(shape) == expected
    calculate = torch.nn.init._calculate_fan_in_and_fan_out
    assert fans(shape) == calculate(torch.empty(tuple(shape)))


def test_a_vector_has_no_fans() -> None:
    with pytest.raises(ShapeError) as caught:
        fans((8,))
    assert str(caught.value) == (
        "fans: the weight has shape (8,). Use at least two dimensions, (out, in, ...)."
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: HeNormal(mode="fan_avg"),  # type: ignore[arg-type]  # the mistake
            "HeNormal: mode is 'fan_avg'. Use 'fan_in' or 'fan_out'.",
        ),
        (
            lambda: HeUniform(mode="fan_avg"),  # type: ignore[arg-type]  # the mistake
            "HeUniform: mode is 'fan_avg'. Use 'fan_in' or 'fan_out'.",
        ),
        (
            lambda: HeUniform(negative_slope=math.nan),
            "HeUniform: negative_slope is nan. Use a finite number.",
        ),
        (lambda: XavierNormal(gain=-1.0), "XavierNormal: gain is -1.0. Use a finite number >= 0."),
        (lambda: XavierUniform(gain=-1), "XavierUniform: gain is -1. Use a finite number >= 0."),
        (lambda: Normal(mean=math.inf), "Normal: mean is inf. Use a finite number."),
        (lambda: Normal(std=-0.1), "Normal: std is -0.1. Use a finite number >= 0."),
        (
            lambda: Uniform(low="0", high=1.0),  # type: ignore[arg-type]  # the mistake
            "Uniform: low is '0'. Use a finite number.",
        ),
        (lambda: Uniform(low=0.0, high=math.inf), "Uniform: high is inf. Use a finite number."),
        (
            lambda: Uniform(low=1.0, high=0.0),
            "Uniform: low is 1.0 and high is 0.0. Use low <= high.",
        ),
        (lambda: Constant(math.nan), "Constant: value is nan. Use a finite number."),
    ],
)
def test_impossible_arguments(make: Callable[[], Initializer], message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        make()
    assert str(caught.value) == message


def test_every_schema_has_a_factory_and_cases_here() -> None:
    assert {path.stem for path in SCHEMAS.glob("*.json")} == set(FACTORIES) == set(CASES)
