"""The initializers against theory and torch.nn.init."""

from __future__ import annotations

from math import erf, exp, nan, pi, sqrt
from typing import Any

import pytest
import torch
from torch import Tensor

from zoo.errors import ArgumentError
from zoo.init import Initializer

pytest.importorskip("zoo_descent", reason="the plugin zoo-descent is not installed")

from zoo_descent.orthogonal import Orthogonal
from zoo_descent.truncated_normal import TruncatedNormal


def filled(
    initializer: Initializer, *shape: int, seed: int = 0, dtype: torch.dtype = torch.float64
) -> Tensor:
    value = torch.full(shape, nan, dtype=dtype)
    initializer(value, fan_in=1, fan_out=1, generator=torch.Generator().manual_seed(seed))
    return value


# Orthogonal.


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("gain", [1.0, 0.5, -2, 0])
@pytest.mark.parametrize("shape", [(5, 5), (3, 7), (8, 2), (4, 3, 3, 3), (32, 2, 3, 3), (1, 1)])
def test_orthogonal_values_are_those_of_torch(
    shape: tuple[int, ...], gain: float, dtype: torch.dtype
) -> None:
    expected = torch.empty(shape, dtype=dtype)
    torch.nn.init.orthogonal_(expected, gain, generator=torch.Generator().manual_seed(3))
    actual = filled(Orthogonal(gain), *shape, seed=3, dtype=dtype)
    torch.testing.assert_close(actual, expected, rtol=0, atol=0)


@pytest.mark.parametrize("shape", [(6, 6), (4, 9), (9, 4), (5, 2, 3, 3), (40, 2, 3, 3)])
def test_rows_or_columns_are_orthogonal(shape: tuple[int, ...]) -> None:
    matrix = filled(Orthogonal(1.5), *shape).flatten(1)
    square = matrix @ matrix.t() if shape[0] <= matrix.shape[1] else matrix.t() @ matrix
    torch.testing.assert_close(square, 2.25 * torch.eye(len(square), dtype=torch.float64))


def test_orthogonal_matrices_are_drawn_uniformly() -> None:
    """Of uniform ones every number is N(0, 1/n) nearly, so their diagonals lean to no side."""
    generator = torch.Generator().manual_seed(0)
    traces = []
    for _ in range(500):
        value = torch.empty(4, 4, dtype=torch.float64)
        Orthogonal()(value, fan_in=4, fan_out=4, generator=generator)
        traces.append(value.trace())
    # The trace of such a matrix has mean 0 and variance 1 (Diaconis and Shahshahani, 1994).
    assert abs(torch.stack(traces).mean().item()) < 5 / sqrt(500)
    assert torch.stack(traces).var().item() == pytest.approx(1, abs=0.3)


def test_a_value_with_other_strides_gets_the_same() -> None:
    value = torch.empty(3, 2, 4, 5, dtype=torch.float64).to(memory_format=torch.channels_last)
    Orthogonal()(value, fan_in=1, fan_out=1, generator=torch.Generator().manual_seed(0))
    assert value.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(value, filled(Orthogonal(), 3, 2, 4, 5), rtol=0, atol=0)


def test_a_bias_is_no_matrix() -> None:
    with pytest.raises(ArgumentError) as caught:
        filled(Orthogonal(), 4)
    assert str(caught.value) == (
        "Orthogonal: a value of shape (4,) is no matrix. Use another initializer for biases."
    )


# TruncatedNormal.

LIMITS: list[dict[str, float]] = [
    {},
    {"std": 0.02, "low": -0.04, "high": 0.04},
    {"mean": 1, "std": 2, "low": 0, "high": 1.5},
    {"mean": 1, "std": 0.1, "low": -5, "high": 5},
    {"low": 4, "high": 9},
    {"low": -9, "high": -4},
    {"mean": 3, "std": 0.25, "low": -7, "high": -4.4},
]


def moments(mean: float = 0, std: float = 1, low: float = -2, high: float = 2) -> tuple[float, ...]:
    """Mean and standard deviation of a truncated normal, by numerical integration."""
    x = torch.linspace(low, high, 200_001, dtype=torch.float64)
    exponent = -((x - mean) ** 2) / (2 * std**2)
    density = (exponent - exponent.max()).exp()
    density /= density.sum()
    expected = (density * x).sum()
    return expected.item(), (density * (x - expected) ** 2).sum().sqrt().item()


@pytest.mark.parametrize("options", LIMITS, ids=str)
def test_mean_and_deviation_are_those_of_theory(options: dict[str, float]) -> None:
    mean, std = moments(**options)
    value = filled(TruncatedNormal(**options), 200, 300)
    n = value.numel()
    assert value.mean().item() == pytest.approx(mean, abs=5 * std / sqrt(n))
    assert value.std().item() == pytest.approx(std, rel=0.02)
    initializer = TruncatedNormal(**options)
    assert initializer.low <= value.min() < value.max() <= initializer.high


def test_the_integral_is_right() -> None:
    density = exp(-2) / sqrt(2 * pi)
    expected = sqrt(1 - 4 * density / erf(2 / sqrt(2)))  # of limits at two deviations
    assert moments()[1] == pytest.approx(expected, rel=1e-5)
    assert expected == pytest.approx(0.88, abs=0.005)  # as the class says


# Further from the mean torch warns that it may be wrong.
@pytest.mark.parametrize("options", LIMITS[:4], ids=str)
def test_values_are_distributed_as_those_of_torch(options: dict[str, float]) -> None:
    mean, std, low, high = vars(TruncatedNormal(**options)).values()
    expected = torch.empty(40_000, dtype=torch.float64)
    generator = torch.Generator().manual_seed(1)
    torch.nn.init.trunc_normal_(expected, mean, std, low, high, generator=generator)
    actual = filled(TruncatedNormal(**options), 40_000)
    # The largest distance of two samples' distribution functions (Kolmogorov and Smirnov), which
    # for the same distribution is beyond 2.3 sqrt(2/n) once in 20,000 times.
    grid = torch.cat([actual, expected]).sort().values
    below = [
        torch.searchsorted(sample.sort().values, grid) / 40_000 for sample in (actual, expected)
    ]
    assert (below[0] - below[1]).abs().max().item() < 2.3 * sqrt(2 / 40_000)


def test_float32_values_keep_the_limits_and_the_strides() -> None:
    value = torch.empty(30, 40).t()
    TruncatedNormal(std=0.02, low=-0.01, high=0.01)(value, fan_in=1, fan_out=1)
    assert value.abs().max() <= 0.01
    assert value.stride() == (1, 40)


@pytest.mark.parametrize("initializer", [Orthogonal(), TruncatedNormal()], ids=repr)
def test_only_the_given_generator_is_used(initializer: Initializer) -> None:
    before = torch.get_rng_state()
    first, again, other = (filled(initializer, 4, 5, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mean": True}, "TruncatedNormal: mean is True. Use a finite number."),
        ({"std": 0}, "TruncatedNormal: std is 0. Use a finite number > 0."),
        ({"low": float("-inf")}, "TruncatedNormal: low is -inf. Use a finite number."),
        ({"high": 10**400}, f"TruncatedNormal: high is {10**400}. Use a finite number."),
        (
            {"low": 1, "high": 1},
            "TruncatedNormal: low is 1 and high is 1. Use low < high.",
        ),
        (
            {"std": 0.01, "low": 1.0, "high": 2.0},
            "TruncatedNormal: the values from 1.0 to 2.0 are more than 30 standard deviations of "
            "0.01 from the mean 0.0. Use limits that are nearer.",
        ),
        (
            {"std": 0.01, "low": -2.0, "high": -1.0},
            "TruncatedNormal: the values from -2.0 to -1.0 are more than 30 standard deviations of "
            "0.01 from the mean 0.0. Use limits that are nearer.",
        ),
    ],
)
def test_impossible_limits_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        TruncatedNormal(**options)
    assert str(caught.value) == message


def test_an_impossible_gain_is_refused() -> None:
    with pytest.raises(ArgumentError) as caught:
        Orthogonal("2")
    assert str(caught.value) == "Orthogonal: gain is '2'. Use a finite number."


def test_the_furthest_limits_still_work() -> None:
    value = filled(TruncatedNormal(low=30, high=31), 1000)
    assert 30 <= value.min() < value.max() < 30.5
    assert value.mean().item() == pytest.approx(30 + 1 / 30, abs=0.005)
