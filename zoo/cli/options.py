"""Options that several commands share, and what they mean for an architecture."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from zoo.architecture.check import check_source
from zoo.architecture.component import Component, build_component
from zoo.architecture.overrides import Override, parse_overrides
from zoo.architecture.paths import with_home
from zoo.cli.streams import streams
from zoo.errors import ArchitectureError, Problem, UsageError
from zoo.plugins.registry import Registry


def refuse_the_model(model: str | Path, outputs: Iterable[Path]) -> None:
    """Refuse outputs that would replace the model itself, also where they may replace files.

    Raises:
        UsageError: one would.
    """
    for path in outputs:
        if os.path.realpath(path) == os.path.realpath(model):
            raise UsageError(f"{path}: is the model itself. Use another name.")


class AtLeast(click.IntRange):
    """An integer of at least ``minimum``, refused in the words that a file's values are."""

    def __init__(self, minimum: int) -> None:
        super().__init__(min=minimum)
        self._allowed = f"an integer >= {minimum}"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The integer that a text is."""
        try:
            number: int = super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"is {value}. Use {self._allowed}.", param, ctx)
        return number


class UserPath(click.ParamType):  # type: ignore[type-arg]  # as Sigmas
    """A path, with ``~`` at its beginning also where a shell does not see it, as in ``--out=~/x``.

    Args:
        text: leave it a text, which may be a name of something else or end in a slash.
        what: what it is the path of.
    """

    name = "path"

    def __init__(self, text: bool = False, what: str = "file or folder") -> None:
        self._text = text
        self._what = what

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path | str:
        """The path that a text means.

        Raises:
            UsageError: it is empty, which would be the working folder.
        """
        found = with_home(os.fspath(value))
        if not found:
            name = param.opts[0] if isinstance(param, click.Option) else param and param.metavar
            raise UsageError(f"{name}: is empty. Name a {self._what}.")
        return found if self._text else Path(found)


class Sigmas(click.ParamType):  # type: ignore[type-arg]  # generic in the stubs of newer clicks only
    """Standard deviations with commas between them, as in ``15,25,50``."""

    name = "sigmas"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        """The numbers, each once, in the order given."""
        if isinstance(value, tuple):  # click's default
            return value
        try:
            numbers = tuple(dict.fromkeys(float(part) for part in value.split(",")))
        except ValueError:
            numbers = ()
        if not numbers or not all(0 <= number < float("inf") for number in numbers):
            self.fail(f"is {value}. Use numbers >= 0, as in 15,25,50.", param, ctx)
        return numbers


device_option = click.option(
    "--device",
    default="auto",
    metavar="auto|cpu|cuda[:N]",
    show_default=True,
    help="Where to compute; 'auto' takes a GPU where there is one.",
)


def data_option(what: str, multiple: bool = False) -> Callable[[Any], Any]:
    """The option ``--data``."""
    return click.option(
        "--data",
        metavar="SOURCE",
        multiple=multiple,
        help=f"{what}: 'demo', a folder of pictures, one picture or TIFF stack, FILE.pkl or "
        "FILE.pt of pairs, two folders of noisy images as A,B, pairs:FOLDER with NAME_a and "
        "NAME_b, burst:FOLDER with a folder for each scene, frames:FILE_OR_FOLDER, or a table as "
        "data.source in a file.",
    )


set_option = click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a value of the file, such as optimizer.lr=1e-3; can be repeated.",
)


def _only_json(ctx: click.Context, param: click.Parameter, value: bool) -> bool:
    if value:
        streams().reserve()
    return value


json_option = click.option(
    "--json", "as_json", is_flag=True, callback=_only_json, help="Print JSON."
)


def overrides(
    registry: Registry,
    architecture: Path,
    data: str | None,
    epochs: int | None,
    seed: int | None,
    changes: Iterable[str],
    backend: str | None = None,
) -> list[Override]:
    """The changes that options make to an architecture; the short options win over ``--set``."""
    result = parse_overrides(tuple(changes), architecture.parent)
    if data is not None:
        table = source_table(registry, data)
        result.append(Override.of_option("--data", ("data", "source"), table))
    if epochs is not None:
        result.append(Override.of_option("--epochs", ("train", "epochs"), epochs))
    if seed is not None:
        result.append(Override.of_option("--seed", ("train", "seed"), seed))
    if backend is not None:
        result.append(Override.of_option("--backend", ("train", "backend"), backend))
    return result


def source_table(registry: Registry, data: str, option: str = "--data") -> Mapping[str, Any]:
    """The table of a data source that an option names, its paths relative to the working folder.

    Raises:
        ArchitectureError: there is no such source.
        UsageError: it is empty, which would be the working folder.
    """
    if not data:
        raise UsageError(f"{option}: is empty. Name a source, such as demo or a folder.")
    return check_source(data, registry, f"{option} {data}", Path.cwd())


def source_components(registry: Registry, names: Iterable[str]) -> dict[str, Component]:
    """The data sources that several ``--data`` name, each once.

    Raises:
        ArchitectureError: has a problem for each that is not a source.
    """
    sources: dict[str, Component] = {}
    problems: list[Problem] = []
    for name in names:
        try:
            sources[name] = build_component("source", source_table(registry, name), registry)
        except ArchitectureError as error:
            problems += error.problems
    if problems:
        raise ArchitectureError(problems)
    return sources
