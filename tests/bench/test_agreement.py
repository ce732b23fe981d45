"""When losses count as equal, and what is said when they do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf, nan

import pytest

from zoo.bench.agreement import FACTOR, check_agreement
from zoo.errors import ComparisonError

STEADY = [0.5, 0.4, 0.3]


def never() -> Mapping[str, Sequence[float]]:
    raise AssertionError("float64 is for rounding that grows")


def times(factor: float, step: int) -> list[float]:
    """The steady losses, that of a step times a factor."""
    return [loss * (factor if index == step else 1) for index, loss in enumerate(STEADY)]


def test_equal_losses() -> None:
    losses = {"zoo": times(1 + 4e-6, 1), "nchw": STEADY, "channels_last": times(1 - 3e-6, 2)}
    found = check_agreement("net", losses, never)
    assert found.differences == {
        "nchw": pytest.approx(4e-6),
        "channels_last": pytest.approx(4e-6, rel=1e-4),
    }
    assert found.rounding == pytest.approx(3e-6)
    assert (found.bound, found.float64) == (1e-5, None)


def refused(
    losses: Mapping[str, Sequence[float]],
    in_float64: Callable[[], Mapping[str, Sequence[float]]] = never,
) -> str:
    with pytest.raises(ComparisonError) as caught:
        check_agreement("net", losses, in_float64)
    return str(caught.value)


def test_a_loss_that_differs() -> None:
    losses = {"zoo": times(1.001, 2), "nchw": STEADY, "channels_last": STEADY}
    assert refused(losses) == (
        "net: the loss of step 3 is 0.3003 with zoo and 0.3 with torch.nn, a relative difference "
        "of 1.0e-03. Up to 1.0e-05 is rounding; what does not compute the same is not timed."
    )
    losses = {"zoo": STEADY, "nchw": STEADY, "channels_last": STEADY, "compile": times(2, 1)}
    assert refused(losses) == (
        "net: the loss of step 2 is 0.4 with zoo and 0.8 with torch.compile, a relative difference "
        "of 5.0e-01. Up to 1.0e-05 is rounding; what does not compute the same is not timed."
    )


def test_rounding_that_grows_in_torch_may_grow_in_zoo() -> None:
    losses = {"zoo": times(1 + 9e-4, 2), "nchw": STEADY, "channels_last": times(1 + 1e-4, 1)}
    precise = {"zoo": times(1 + 1e-9, 2), "nchw": STEADY, "channels_last": STEADY}
    found = check_agreement("net", losses, lambda: precise)
    assert found.float64 == pytest.approx(1e-9)
    assert found.rounding == pytest.approx(1e-4)

    more = {**losses, "zoo": times(1 + FACTOR * 1.1e-4, 2)}
    assert refused(more, lambda: precise).endswith(
        "a relative difference of 1.1e-03. Up to 1.0e-03 is rounding; what does not compute the "
        "same is not timed."
    )
    # Nothing has grown before the first step, nor in a step before that in which it grows.
    first = {**losses, "zoo": times(1 + 1e-4, 0)}
    assert "the loss of step 1 is 0.50005 with zoo and 0.5 with torch.nn" in refused(first)
    early = {**losses, "channels_last": times(1 + 1e-4, 2), "zoo": times(1 + 1e-4, 1)}
    assert "the loss of step 2 is 0.40004 with zoo and 0.4 with torch.nn" in refused(early)


def test_in_float64_it_may_grow_as_torchs_own_does() -> None:
    losses = {"zoo": times(1 + 9e-4, 2), "nchw": STEADY, "channels_last": times(1 + 1e-4, 1)}
    precise = {"zoo": times(1 + 2e-5, 2), "nchw": STEADY, "channels_last": STEADY}
    assert refused(losses, lambda: precise) == (
        "net in float64: the loss of step 3 is 0.300006 with zoo and 0.3 with torch.nn, a relative "
        "difference of 2.0e-05. Up to 1.0e-05 is rounding; what does not compute the same is not "
        "timed."
    )
    grown = {**precise, "channels_last": times(1 + 3e-6, 2)}
    assert check_agreement("net", losses, lambda: grown).float64 == pytest.approx(2e-5)


@pytest.mark.parametrize("loss", [nan, inf])
def test_a_loss_that_is_not_finite(loss: float) -> None:
    losses = {"zoo": [0.5, loss, nan], "nchw": [0.5, loss, nan], "channels_last": STEADY}
    assert refused(losses) == (
        f"net: the loss of step 2 is {loss} with zoo. Only finite losses can be compared: use a "
        "smaller learning rate."
    )


def test_a_coarser_precision_has_a_wider_bound() -> None:
    losses = {"zoo": times(1.01, 1), "nchw": STEADY, "channels_last": STEADY}
    assert check_agreement("net", losses, never, "bfloat16").bound == 2e-2
    with pytest.raises(ComparisonError, match=r"Up to 1\.0e-03 is rounding"):
        check_agreement("net", losses, never, "tf32")
