"""Do all sides of a benchmark compute the same? Else its figures mean nothing.

The losses of the first steps, from the same weights on the same batches, are equal to ``BOUNDS``.
Where a network and its optimizer make rounding grow (Adam divides by what may be nothing but
rounding), they cannot be: torch.nn's own two layouts of memory, which use other algorithms, come
out differently too, and so does torch.nn from weights that differ in their last bit. Then zoo may
differ from torch.nn by ``FACTOR`` times as much as these have differed until that step; and in
float64, where a billion times less is rounded, the bound holds as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import gt
from types import MappingProxyType
from typing import Final

from torch import Tensor

from zoo.bench.variants import NCHW, NHWC, VARIANTS, ZOO
from zoo.errors import ComparisonError

STEPS = 20
MOVED = 4  # times that weights are moved by their last bit
# Relative; as wide as the rounding of products makes a loss.
BOUNDS: Final[Mapping[str, float]] = MappingProxyType(
    {"float32": 1e-5, "fast": 1e-5, "tf32": 1e-3, "bfloat16": 2e-2}
)
FACTOR = 10
OUTPUT_BOUND = 1e-4  # of the largest value; of deep networks, as wide as rounding makes it

Losses = Mapping[str, Sequence[float]]  # of each variant, by its name: a loss for each step


@dataclass(frozen=True)
class Agreement:
    """How well the losses of the first steps agree.

    Attributes:
        bound: the relative difference that is allowed where rounding does not grow.
        differences: between zoo and each variant of torch, the largest over the steps.
        rounding: between torch.nn's own two layouts of memory, and where these are too alike also
            from weights that differ in their last bit; the largest over the steps.
        float64: between zoo and torch.nn in float64, the largest over the steps; None where
            rounding did not grow.
    """

    bound: float
    differences: Mapping[str, float]
    rounding: float
    float64: float | None


def check_agreement(
    name: str,
    losses: Losses,
    in_float64: Callable[[], Losses],
    precision: str = "float32",
    moved: Callable[[], Sequence[Sequence[float]]] = tuple,
) -> Agreement:
    """Compare zoo's losses with those of each variant of torch.

    Args:
        name: of the architecture, for messages.
        losses: of all variants.
        in_float64: gives those of zoo and of torch.nn's two layouts in float64; called only where
            rounding grows.
        precision: that of the steps.
        moved: gives those of torch.nn from weights that differ in their last bit, some times over;
            called only where zoo differs by more than the two layouts explain.

    Raises:
        ComparisonError: a loss is not finite, or differs by more than is allowed.
    """
    _require_finite(name, losses)
    bound = BOUNDS[precision]
    own, others = losses[ZOO.name], [key for key in losses if key != ZOO.name]
    differences = {key: max(_differences(own, losses[key])) for key in others}
    rounding = _differences(losses[NHWC.name], losses[NCHW.name])
    allowed = _allowed(bound, rounding)
    if any(_exceeds(own, losses[key], allowed) for key in others):
        differing = [_differences(found, losses[NCHW.name]) for found in moved()]
        rounding = [max(step) for step in zip(rounding, *differing, strict=True)]
        allowed = _allowed(bound, rounding)
    for key in others:
        _require(name, key, own, losses[key], allowed)
    float64 = None
    if max(differences.values()) > bound:
        precise = in_float64()
        _require_finite(name, precise)
        exact, expected = precise[ZOO.name], precise[NCHW.name]
        allowed = _allowed(bound, _differences(precise[NHWC.name], expected))
        _require(f"{name} in float64", NCHW.name, exact, expected, allowed)
        float64 = max(_differences(exact, expected))
    return Agreement(bound, differences, max(rounding), float64)


def check_outputs(name: str, outputs: Mapping[str, Tensor]) -> None:
    """Compare zoo's output for a picture with that of each variant of torch.

    Raises:
        ComparisonError: it differs by more than rounding, relative to the largest value.
    """
    own = outputs[ZOO.name]
    for key, other in outputs.items():
        difference = float((own - other).abs().max() / other.abs().max().clamp(min=1e-30))
        if not difference <= OUTPUT_BOUND:
            raise ComparisonError(
                f"{name}: the output for a picture differs between zoo and {VARIANTS[key].title} "
                f"by {difference:.1e} of the largest value. Up to {OUTPUT_BOUND:.0e} is rounding; "
                "what does not compute the same is not timed."
            )


def _allowed(bound: float, rounding: Sequence[float]) -> list[float]:
    """How much each step may differ, from how much torch.nn's own layouts do up to it."""
    grown = [max(bound, FACTOR * most) for most in accumulate(rounding, max)]
    return [bound, *grown[1:]]  # nothing has grown in the first


def _exceeds(losses: Sequence[float], others: Sequence[float], allowed: Sequence[float]) -> bool:
    return any(map(gt, _differences(losses, others), allowed))


def _require(
    where: str,
    variant: str,
    losses: Sequence[float],
    others: Sequence[float],
    allowed: Sequence[float],
) -> None:
    for step, difference in enumerate(_differences(losses, others)):
        if difference > allowed[step]:
            raise ComparisonError(
                f"{where}: the loss of step {step + 1} is {losses[step]:.7g} with zoo and "
                f"{others[step]:.7g} with {VARIANTS[variant].title}, a relative difference of "
                f"{difference:.1e}. Up to {allowed[step]:.1e} is rounding; what does not compute "
                "the same is not timed."
            )


def _require_finite(name: str, losses: Losses) -> None:
    for variant, own in losses.items():
        for step, loss in enumerate(own):
            if not math.isfinite(loss):
                raise ComparisonError(
                    f"{name}: the loss of step {step + 1} is {loss} with "
                    f"{VARIANTS[variant].title}. Only finite losses can be compared: use a "
                    "smaller learning rate."
                )


def _differences(losses: Sequence[float], others: Sequence[float]) -> list[float]:
    """The relative difference of each step."""
    pairs = zip(losses, others, strict=True)
    return [abs(loss - other) / max(abs(other), 1e-30) for loss, other in pairs]
