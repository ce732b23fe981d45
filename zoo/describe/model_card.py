"""The card of a trained model: what it is for, what it was trained on, its licence and figures.

A card is a TOML file; ``schemas/model_card.json`` has its fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from textwrap import fill
from typing import Any

import tomli

from zoo.architecture.schema import validate
from zoo.errors import PluginError, format_path
from zoo.files import read_regular
from zoo.plugins.model_entry import ModelEntry
from zoo.spec.schemas import read_schema

WIDTH = 80
METHODS: Mapping[str, str] = {
    "noisy": "noisy",
    "gaussian_blur": "blur",
    "non_local_means": "non-local means",
    "bm3d": "BM3D",
    "model": "**this model**",
}
_wrapped = partial(fill, width=WIDTH, break_long_words=False, break_on_hyphens=False)


@dataclass(frozen=True)
class ModelCard:
    """A card, checked.

    Attributes:
        name: the model's.
        fields: what the file has.
    """

    name: str
    fields: Mapping[str, Any]

    @property
    def channels(self) -> int:
        """Of the model's input and output."""
        return int(self.fields["channels"])

    def to_markdown(self) -> str:
        """The whole card, in lines of up to 80 characters but for commands and tables."""
        return "\n".join(_markdown(self.name, self.fields)) + "\n"


def read_card(entry: ModelEntry) -> ModelCard:
    """The card of a model.

    Raises:
        PluginError: it is missing, no TOML, or has other fields than a card.
    """
    path = entry.card_path
    where = f"model {entry.name!r}: its card {path}"
    try:
        fields = tomli.loads(read_regular(path).decode("utf-8"))
    except OSError as error:
        raise PluginError(f"{where}: cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:  # no UTF-8, no TOML, or nested without end
        raise PluginError(f"{where}: no TOML: {error}.") from error
    for violation in validate(fields, read_schema("model_card.json")):
        key = format_path(violation.absolute_path)
        raise PluginError(
            f"{where}: {f'{key}: ' if key else ''}{violation.message}. "
            "The fields of a card are in zoo's schemas/model_card.json."
        )
    return ModelCard(entry.name, fields)


def _markdown(name: str, card: Mapping[str, Any]) -> Iterator[str]:
    training, measured = card["training"], card.get("measured")
    yield f"# {name}: {card['title']}"
    for title, key in (("Use it for", "for"), ("Not for", "not_for"), ("Limits", "limitations")):
        yield from _section(title, _items(card[key]))
    if measured:
        yield from _section("Figures", _figures(measured))
    yield from _section("Trained on", _items(map(_pictures, training["data"])))
    noise = f"Noise: {training['noise']}. Targets: {training['targets']} photographs."
    duration = f" Took {training['duration']}." if "duration" in training else ""
    yield from _section(
        "Trained with", [*_code(training["command"]), "", _wrapped(noise + duration)]
    )
    licence = f"The weights: {card['licence']}. {card['attribution']}"
    yield from _section("Licence", [_wrapped(licence)])


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield from ("", f"## {title}", "")
    yield from lines


def _items(sentences: Iterable[str]) -> Iterator[str]:
    for sentence in sentences:
        yield _wrapped(sentence, initial_indent="- ", subsequent_indent="  ")


def _pictures(data: Mapping[str, str]) -> str:
    source = f"; {data['source']}" if "source" in data else ""
    return f"{data['pictures']}: {data['authors']}; {data['licence']}{source}"


def _figures(measured: Mapping[str, Any]) -> Iterator[str]:
    height, width = measured["receptive_field"]
    yield _wrapped(
        f"{measured['parameters']:,} parameters; a pixel depends on {height}x{width} pixels "
        "around it."
    )
    if speed := measured.get("speed"):
        yield _wrapped(f"{speed['megapixels_per_second']:g} megapixels/s ({speed['on']}).")
    yield from ("", "Mean PSNR in dB, gaussian noise of standard deviation sigma:", "")
    yield from _table(measured["psnr"])
    if "command" in measured:
        yield from ("", "Measured with", "", *_code(measured["command"]))


def _table(figures: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    methods = [name for name in METHODS if any(name in row["dB"] for row in figures)]
    methods += sorted({name for row in figures for name in row["dB"]} - METHODS.keys())
    rows = [["pictures", "sigma", *(METHODS.get(name, name) for name in methods)]]
    for row in figures:
        values = [f"{row['dB'][name]:.2f}" if name in row["dB"] else "" for name in methods]
        rows.append([row["pictures"], f"{row['sigma']:g}", *values])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * widths[0], *(f"{'-' * (width - 1)}:" for width in widths[1:])])
    for cells in rows:
        first, *others = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        yield f"| {' | '.join([first.strip().ljust(widths[0]), *others])} |"


def _code(command: str) -> Iterator[str]:
    yield from ("```sh", *command.splitlines(), "```")
