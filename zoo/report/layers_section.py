"""Each layer's weights and gradients over time, and what is wrong with them, by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from zoo.describe.signs import (
    DEAD,
    SATURATED,
    VANISHED,
    signs_of_layers,
    signs_of_losses,
    signs_of_rate,
    signs_of_swings,
)
from zoo.report.distributions import band, heat_map, shades, spark
from zoo.report.frame import figure, numbers, spread
from zoo.report.lines import LayerFigures, Moment
from zoo.report.page import Section, render
from zoo.report.run_files import RunFiles
from zoo.report.scales import short

MOST_LAYERS = 100  # that are drawn
MOST_COLUMNS = 40  # moments of the map
MAP_ROW = 15.0
LETTERS = 20  # of a name beside the map
EXPLODED = 1e3  # times the last layer's gradient
MAP_DECADES = 5.0  # of the strongest shade: -log10(VANISHED)
MOST_SIGNS = 12


def signs(run: RunFiles) -> Sequence[str]:
    """What the run's figures show, in the words in which ``zoo run`` warns: each thing once."""
    found: dict[str, str] = {}
    last = run.epochs[-1] if run.epochs else None
    steps = last.step * max(run.wanted_epochs, last.epoch) // last.epoch if last else 0
    at_epoch = {moment.epoch: moment for moment in run.moments}
    for moment in run.moments:
        layers = [figures.layer for figures in moment.layers]
        if moment.epoch == 0:
            found |= dict(signs_of_rate(moment.layers, moment.lr, steps or 1)) if steps else {}
        else:
            found |= dict(signs_of_layers(moment.layers, layers))
    metrics = [vars(epoch) for epoch in run.epochs]
    for end in range(1, len(metrics) + 1):
        until = metrics[max(0, end - 8) : end]
        then = at_epoch.get(run.epochs[end - 1].epoch)
        measured = then.layers if then else ()
        found |= dict(signs_of_losses(until))
        found |= dict(signs_of_swings(until, measured, [it.layer for it in measured]))
    shown = [f"{text[:1].upper()}{text[1:]}" for text in found.values()]
    more = len(shown) - MOST_SIGNS
    return [*shown[:MOST_SIGNS], *([f"And {more} more of the same kind."] if more > 0 else [])]


def layers_section(moments: Sequence[Moment]) -> Section:
    """Distributions of weights and gradients, dead and saturated outputs, for each layer."""
    title = "Layers over time"
    moments = _alike(moments)
    if not moments:
        return Section("layers", title, Markup(""))
    names = [figures.layer.name for figures in moments[-1].layers][:MOST_LAYERS]
    rows = [_row(moments, index) for index in range(len(names))]
    body = _gradient_map(moments, len(names)) + render("layers.html", rows=rows) + _table(moments)
    first, last = moments[0].epoch, moments[-1].epoch
    when = "at the start and after each epoch" if first == 0 else "after each epoch"
    over = f"{when}, {first} to {last}, from left to right"
    if first == last:
        over = f"after epoch {last} alone" if last else "at the start alone"
    lead = (
        f"Measured {over}. "
        "Bands hold 68 % and 95 % of the values, the line is their median. "
        "The numbers below are those at the last epoch."
    )
    return Section("layers", title, body, lead)


def _alike(moments: Sequence[Moment]) -> Sequence[Moment]:
    """Those with the same layers as the latest."""
    if not moments:
        return ()
    last = [figures.layer for figures in moments[-1].layers]
    return [m for m in moments if [f.layer.name for f in m.layers] == [it.name for it in last]]


def _row(moments: Sequence[Moment], index: int) -> Mapping[str, Any]:
    over_time = [moment.layers[index] for moment in moments]
    now = over_time[-1]
    return {
        "name": now.layer.name,
        "type": now.layer.type,
        "where": f"line {now.layer.line}" if now.layer.line else "",
        "bad": list(_wrong(now, moments[-1].layers[-1].gradient)),
        "cells": [cell for cell in _cells(over_time) if cell is not None],
    }


def _wrong(now: LayerFigures, last: float) -> Iterator[str]:
    """What is wrong with a layer, in a word or two: as :mod:`zoo.describe.signs` has it."""
    if "relu" in now.layer.type and now.dead > DEAD:
        yield f"dead: {100 * now.dead:.0f} % of its channels are 0 everywhere"
    if now.saturated >= SATURATED:
        yield f"saturated: {100 * now.saturated:.0f} % of its values are at its bounds"
    if not math.isnan(now.weight) and now.gradient < VANISHED * last:
        yield "vanishing gradient"
    if not math.isnan(now.weight) and now.gradient > EXPLODED * last > 0:
        yield "exploding gradient"


def _cells(over_time: Sequence[LayerFigures]) -> Iterator[tuple[str, Markup, str] | None]:
    """What is drawn of a layer: the title, the drawing, and the latest value."""
    now = over_time[-1]
    name = f"layer {now.layer.name}"

    def curve(what: str, of: Callable[[LayerFigures], float], series: int, unit: str = "") -> Any:
        values = [of(figures) for figures in over_time]
        if not any(map(math.isfinite, values)):
            return None
        said = f"{short(values[-1])}{unit}"
        return what, spark(f"{what} of {name} over time, at last {said}", values, series), said

    def distribution(what: str, of: Callable[[LayerFigures], Sequence[float]], series: int) -> Any:
        known = [of(figures) for figures in over_time]
        if not any(math.isfinite(q[0]) for q in known):
            return None
        low, middle, high = known[-1][0], known[-1][2], known[-1][-1]
        said = f"{short(low, 2)} … {short(high, 2)}"
        label = f"{what} of {name}: at last 95 % within {said}, median {short(middle, 2)}"
        return what, band(label, known, series), said

    yield distribution("weights", lambda it: it.weights, 0) or curve(
        "weights, rms", lambda it: it.weight, 0
    )
    yield distribution("their gradients", lambda it: it.gradients, 1) or curve(
        "their gradients, rms", lambda it: it.weight_gradient, 1
    )
    yield curve("gradient at the output, rms", lambda it: it.gradient, 3)
    if math.isfinite(now.update):
        yield curve("step / weights", lambda it: 100 * it.update, 2, " %")
    if "relu" in now.layer.type:
        yield curve("dead channels", lambda it: 100 * it.dead, 7, " %")
        yield curve("output that is 0", lambda it: 100 * it.zeros, 6, " %")
    yield curve("saturated output", lambda it: 100 * it.saturated, 7, " %")


def _gradient_map(moments: Sequence[Moment], count: int) -> Markup:
    """Each layer's gradient beside the last one's, over time: where it vanishes or explodes."""
    kept = [moments[i] for i in spread(len(moments), MOST_COLUMNS)]
    values = [[_decades(moment, index) for moment in kept] for index in range(count)]
    layers = [figures.layer for figures in moments[-1].layers[:count]]
    drawing = heat_map(
        "The gradient at each layer's output as a multiple of the last layer's, by epoch",
        values,
        most=MAP_DECADES,
        rows=[_shortened(f"{layer.name} {layer.type}") for layer in layers],
        columns=_some([str(moment.epoch) for moment in kept]),
        cell=MAP_ROW,
        x_label="epoch",
        hint=lambda down, across: _hint(kept[across], layers[down].name, values[down][across]),
        row_names=144,
    )
    note = "Gradient at each layer's output, as a multiple of that at the last layer."
    factor = f"{10**MAP_DECADES:,.0f}"
    scale = shades(f"1 / {factor} and less", "as the last layer's", f"{factor} and more")
    return figure("Does the gradient reach every layer?", drawing, scale, note=note)


def _hint(moment: Moment, layer: str, decades: float) -> str:
    times = short(10 ** min(decades, 300.0))
    return f"layer {layer}, epoch {moment.epoch}: {times} times the last layer's"


def _decades(moment: Moment, index: int) -> float:
    last, own = moment.layers[-1].gradient, moment.layers[index].gradient
    if not (last > 0 and own >= 0):
        return math.nan
    return math.log10(max(own / last, 1e-30))


def _shortened(name: str) -> str:
    return name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…"


def _some(names: Sequence[str]) -> Sequence[str]:
    """The names with most left empty, so that those that stay have room."""
    every = max(1, -(-len(names) // 8))
    return [name if i % every == 0 else "" for i, name in enumerate(names)]


def _table(moments: Sequence[Moment]) -> Markup:
    """The latest figures of all layers."""
    columns = {
        "mean": "mean",
        "std": "deviation",
        "zeros": "zeros",
        "dead": "dead",
        "saturated": "saturated",
        "gradient": "gradient",
        "weight": "weights",
        "weight_gradient": "their gradient",
        "update": "step / weights",
    }
    rows = [
        [
            f"{figures.layer.name} {figures.layer.type}",
            *(short(getattr(figures, key)) for key in columns),
        ]
        for figures in moments[-1].layers
    ]
    return numbers(["layer", *columns.values()], rows)
