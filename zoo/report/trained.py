"""What several runs were trained on and with, for the page of a sweep or a comparison."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from zoo.errors import first_of
from zoo.report.frame import table
from zoo.report.page import Section
from zoo.report.plain import at, in_words

MOST = 6  # values that differ between the runs
OF_FILES = (
    ("architecture", ("name",)),
    ("data", ("data", "source")),
    ("validation", ("data", "validation")),
    ("noise", ("data", "noise")),
    ("target", ("data", "target")),
    ("epochs", ("train", "epochs")),
    ("seeds", ("train", "seed")),
)


def trained_section(
    files: Sequence[Mapping[str, Any]], environments: Sequence[Mapping[str, Any]], date: str
) -> Section:
    """What the runs have in common; of what differs the values.

    Args:
        files: the runs' resolved files.
        environments: their ``environment.json``, of those that have one.
        date: when the page is written.
    """
    rows = [*_rows(files, environments), ["page written", date]]
    return Section("trained", "What was trained", table(("", ""), rows, "facts"))


def _rows(
    files: Sequence[Mapping[str, Any]], environments: Sequence[Mapping[str, Any]]
) -> Iterator[list[str]]:
    of_machine = [(name, (name,)) for name in ("device", "threads")]
    for contents, keys in ((files, OF_FILES), (environments, of_machine)):
        for name, path in keys:
            found = [value for it in contents if (value := at(it, *path)) is not None]
            if words := list(dict.fromkeys(map(in_words, found))):
                yield [name, first_of(words, MOST)]
