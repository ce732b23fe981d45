"""What the network took away: its distribution, and whether neighbouring pixels share it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from zoo.report.distributions import heat_map, histogram, shades
from zoo.report.frame import legend, numbers
from zoo.report.page import Section, render
from zoo.report.pictures import LAGS, MOST_BINS, Picture, Removed
from zoo.report.scales import short

# As zoo.inference.quality has them, which a test sees to: an autocorrelation beyond the first below
# 0, or beyond the second above, is that of detail.
CORRELATED, STRUCTURE = 0.1, 0.03
STRONGEST = 0.2  # the autocorrelation of the strongest shade
LEAST_BIAS, LEAST_SIGMA = 1.0, 0.01  # grey levels


def removed_section(pictures: Sequence[Picture]) -> Section:
    """For each picture what was removed: is it noise?"""
    shown = [
        _shown(picture, picture.removed) for picture in pictures if picture.removed is not None
    ]
    body = render("removed.html", items=shown) if shown else Markup("")
    lead = (
        "The noisy picture minus the denoised one. If it is noise, neighbouring pixels have "
        "nothing to do with each other: all fields but the middle are near 0 (no colour). Detail "
        "that was removed shows as a pattern."
    )
    return Section("removed", "What was removed", body, lead)


def _shown(picture: Picture, removed: Removed) -> Mapping[str, Any]:
    width, height = picture.shown["noisy"].size
    said = verdict(removed, width * height)
    sigma = removed.sigma if removed.sigma > 0 else None
    rows = [[short(value, 2) for value in row] for row in removed.autocorrelation]
    middle = LAGS // 2
    lags = [str(lag - middle).replace("-", "−") for lag in range(LAGS)]
    return {
        "role": picture.role,
        "name": picture.name,
        "verdict": said,
        "legend": legend(
            [("s1 point", "removed", f"σ {short(removed.sigma)} grey levels")]
            + ([("s2", "normal, same mean and σ", "")] if sigma else [])
        ),
        "histogram": histogram(
            f"Histogram of what was removed from {picture.name}: standard deviation "
            f"{short(removed.sigma)}, mean {short(removed.mean)} grey levels",
            255 * removed.low,
            255 * removed.high,
            removed.counts,
            sigma=sigma,
            mean=removed.mean,
            x_label="grey levels of 255",
        ),
        "bars": _bars(removed),
        "autocorrelation": heat_map(
            f"Autocorrelation of what was removed from {picture.name}; {said}",
            [
                [math.nan if (i, j) == (middle, middle) else value for j, value in enumerate(row)]
                for i, row in enumerate(removed.autocorrelation)
            ],
            most=STRONGEST,
            rows=lags,
            columns=lags,
            x_label="pixels across",
            y_label="pixels down",
            hint=lambda i, j: f"{lags[i]} down, {lags[j]} across: {rows[i][j]}",
            width=260,
        ),
        "scale": shades(
            f"−{STRONGEST:g} and less", "0", f"{STRONGEST:g} and more (clipped at ±{STRONGEST:g})"
        ),
        "numbers": numbers(
            ["down, across", *lags], [[lag, *row] for lag, row in zip(lags, rows, strict=True)]
        ),
    }


def _bars(removed: Removed) -> Markup:
    """The histogram as a table."""
    width, total = (removed.high - removed.low) / len(removed.counts), sum(removed.counts)
    rows = [
        [short(255 * (removed.low + (i + 0.5) * width)), f"{short(100 * count / total)}"]
        for i, count in enumerate(removed.counts)
    ]
    return numbers(["grey levels of 255", "% of values"], rows, most=MOST_BINS)


def verdict(removed: Removed, pixels: int) -> str:
    """Whether it is noise, in a sentence or two; ``pixels`` it was measured on."""
    if removed.sigma < LEAST_SIGMA:
        return "Nothing was removed."
    largest, chance = removed.largest, 3 / math.sqrt(pixels)
    if not math.isfinite(largest):
        return "Its autocorrelation is not known."
    if -max(CORRELATED, chance) <= largest <= max(STRUCTURE, chance):
        said = (
            f"Looks like noise: at no distance is its autocorrelation beyond {short(largest, 2)}."
        )
    elif largest > 0:
        said = f"Not only noise: its autocorrelation goes up to {short(largest, 2)}."
    else:
        said = f"Not only noise: its autocorrelation goes down to {short(largest, 2)}."
    if abs(removed.mean) > LEAST_BIAS:
        said += f" Its mean is {short(removed.mean, 2)} grey levels: the brightness changed."
    return said
