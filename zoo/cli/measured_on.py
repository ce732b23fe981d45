"""What an evaluation is of: which images, which noise, and what outputs are compared with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.architecture import Architecture, Component
from zoo.cli.console import count_of, shell_command
from zoo.data.sets import Bursts, ImagePairs, SingleImages
from zoo.data_check.measured import CLEAN, SURELY_NOISY, Measured, measure
from zoo.errors import format_value, listed, quoted
from zoo.train.evaluation_sets import HELD_OUT, EvaluationSet, SetEvaluation

NOUNS = ((SingleImages, "image"), (ImagePairs, "pair"), (Bursts, "burst"))


def what_is_measured(found: SetEvaluation, spec: Architecture) -> str:
    """A line: the data, their noise, and what outputs are compared with."""
    images, noise = found.set.images, found.set.noise
    noun = next(noun for kind, noun in NOUNS if isinstance(images, kind))
    count = f"{count_of(noun, len(images.names))} ({listed(images.names)})"
    how = how_measured(found.evaluation.compared_with, noise)
    target = ", which are noisy" if noise and _taken_for_noisy(found.set, spec) else ""
    return f"data: {found.set.data}, {count}; {how}{target}"


def how_measured(compared_with: str, noise: Component | None) -> str:
    """The noise that is added, and what outputs are compared with.

    Args:
        compared_with: as of :class:`zoo.data.evaluation.EvaluationImage`.
        noise: what is added; None for nothing.
    """
    if noise is not None:
        return f"noise {_words(noise)} is added; outputs are compared with the images before that"
    known = {
        "clean": "the second images, which are clean",
        "noisy": "other views, which are taken for noisy ones",
    }
    other = known.get(compared_with, f"the images' own noisy pixels, by {compared_with}")
    return f"no noise is added; outputs are compared with {other}"


def doubts(
    sets: Sequence[EvaluationSet], sources: Mapping[str, Component], spec: Architecture
) -> Iterator[str]:
    """What speaks against how images are taken: for clean ones, or for noisy ones.

    Args:
        sets: what is to be evaluated on.
        sources: what the user named, by the sets' names of their data.
        spec: of the model.
    """
    for data, each in {each.data: each for each in sets}.items():  # at one sigma of several
        measured = measure(each.images, copies=False)
        if measured.range_remarks:
            continue
        doubt = (
            _of_pictures(each, measured, spec)
            if isinstance(each.images, SingleImages)
            else _of_views(measured, sources.get(data))
        )
        if doubt:
            yield f"{data}: {doubt}"


def _of_pictures(found: EvaluationSet, measured: Measured, spec: Architecture) -> str:
    """What speaks against pictures to which noise is added, or is not; "" for nothing."""
    if found.noise is None:
        if measured.sigma >= CLEAN:
            return ""
        return (
            f"the images look clean (sigma {measured.sigma:.1f}), and are taken for noisy ones, "
            'as the model\'s data.noise is "none". To add noise to clean ones: --sigma 25'
        )
    if _taken_for_noisy(found, spec):
        return (
            "the run has taken these images for noisy ones: now they get noise twice, and outputs "
            "are compared with noisy images. Leave --sigma out, or name clean images with --data"
        )
    if measured.sigma < SURELY_NOISY:
        return ""
    return (
        f"the images have noise of their own, of sigma {measured.sigma:.1f}: noise is added to "
        "that, and outputs are compared with noisy images. Name clean images, or pairs"
    )


def _of_views(measured: Measured, source: Component | None) -> str:
    """What speaks against second views that are taken for noisy ones; "" for nothing."""
    if measured.second_is_clean or not measured.second_looks_clean:
        return ""
    first, second = measured.alone
    figures = f"sigma {second:.1f} beside {first:.1f} of the first"
    say = "say second_is_clean = true"
    if source is not None and "second_is_clean" in source.parameters:
        say = f"name them so: {shell_command('--data', _table(source, second_is_clean=True))}"
    return (
        f"the second images look clean ({figures}), and are taken for noisy ones. If they are "
        f"clean, {say}"
    )


def _taken_for_noisy(found: EvaluationSet, spec: Architecture) -> bool:
    """Whether the run itself has said that the pictures are noisy already."""
    noise, validation = spec.data.noise, spec.data.validation
    return (
        found.data == HELD_OUT and validation is None and noise is not None and noise.type == "none"
    )


def _words(noise: Component) -> str:
    """A noise as ``gaussian, sigma 25``."""
    given = {key: value for key, value in noise.parameters.items() if value is not None}
    return ", ".join([noise.type, *(f"{key} {_number(value)}" for key, value in given.items())])


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else format_value(value)


def _table(source: Component, **more: Any) -> str:
    """A source as a table of TOML; paths in the working folder relative to it."""
    values = {"type": source.type, **source.parameters, **more}
    pairs = (f"{key} = {_toml(value)}" for key, value in values.items() if value is not None)
    return f"{{ {', '.join(pairs)} }}"


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if not isinstance(value, str):
        return format_value(value)
    path, here = Path(value), Path.cwd()
    return quoted(str(path.relative_to(here)) if path.is_relative_to(here) else value)
