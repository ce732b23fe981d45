from __future__ import annotations

import math

import pytest

from zoo.report.scales import compact, duration, fitting, linear, logarithmic, power, short


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ((0.0, 1.0), ("0.0", "0.2", "0.4", "0.6", "0.8", "1.0")),
        ((17.3, 29.8), ("15.0", "17.5", "20.0", "22.5", "25.0", "27.5", "30.0")),
        ((-3.0, 4.0), ("−4", "−2", "0", "2", "4")),
        ((5.0, 5.0), ("4.4", "4.6", "4.8", "5.0", "5.2", "5.4", "5.6")),
        ((1e-5, 2e-5), ("1×10⁻⁵", "1.2×10⁻⁵", "1.4×10⁻⁵", "1.6×10⁻⁵", "1.8×10⁻⁵", "2×10⁻⁵")),
        ((), ("0.0", "0.2", "0.4", "0.6", "0.8", "1.0")),
        ((math.nan, math.inf, 0.0, 10.0), ("0", "2", "4", "6", "8", "10")),
    ],
)
def test_a_linear_axis_is_marked_at_round_values(
    values: tuple[float, ...], labels: tuple[str, ...]
) -> None:
    scale = linear(values, 100, 0)
    assert scale.labels == labels
    assert scale(scale.low) == 100
    assert scale(scale.high) == 0


def test_epochs_are_marked_at_whole_numbers() -> None:
    scale = linear([1, 12], 0, 110, whole=True)
    assert (scale.low, scale.high, scale.labels) == (1, 12, ("3", "6", "9", "12"))
    assert scale(1) == 0
    assert linear([1, 2], 0, 1, whole=True).labels == ("1", "2")
    assert linear([1], 0, 1, whole=True).labels == ("1",)


def test_a_logarithmic_axis_is_marked_at_powers_of_ten() -> None:
    scale = logarithmic([3e-6, 0.02], 0, 5)
    assert scale.labels == ("10⁻⁶", "10⁻⁵", "10⁻⁴", "0.001", "0.01", "0.1")
    assert scale(1e-4) == pytest.approx(2)
    assert logarithmic([1.0, 1.0], 0, 1).ticks == (0.1, 1.0, 10.0)


def test_values_that_span_much_are_drawn_on_a_logarithmic_axis() -> None:
    assert fitting([1e-3, 1.0], 0, 1).log
    assert not fitting([0.1, 1.0], 0, 1).log
    assert not fitting([0.0, 1.0], 0, 1).log


@pytest.mark.parametrize(
    "values", [(-1e300, 1e300), (1e-300, 1e300), (0.0, 5e-324), (1e299, 1e299)]
)
def test_extreme_values_have_an_axis(values: tuple[float, ...]) -> None:
    for scale in (linear(values, 0, 1), fitting(values, 0, 1)):
        assert 1 < len(scale.ticks) < 20
        assert all(math.isfinite(scale(value)) for value in values)


def test_numbers_in_words() -> None:
    assert [short(it) for it in (0.01234, 1234.5, 1.2e-7, -2.5, 0.0, math.nan)] == [
        *("0.0123", "1,234", "1.2×10⁻⁷", "−2.5", "0", "–"),
    ]
    assert [compact(it) for it in (950, 12_345, 999_999, 7_004_160, 2.1e9)] == [
        *("950", "12.3 k", "1.00 M", "7.00 M", "2.10 G"),
    ]
    assert [duration(it) for it in (0.84, 42, 310, 11_100, math.nan)] == [
        *("0.8 s", "42 s", "5 min 10 s", "3 h 05 min", "–"),
    ]
    assert [power(it) for it in (0.01, 1e-5, 1e6)] == ["0.01", "10⁻⁵", "10⁶"]
