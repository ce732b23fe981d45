"""Keys and tables that a TOML text writes twice, or in two ways that exclude each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from zoo.architecture.positions import Form, Mention, TomlPath

# Of each form of mention, the forms of earlier mentions of the same path that it cannot go with.
CANNOT_FOLLOW: Mapping[Form, Sequence[Form]] = {
    "value": ("value", "header", "headers", "dotted", "prefix"),
    "headers": ("value", "header", "dotted", "prefix"),
    "header": ("value", "header", "headers", "dotted"),
    "dotted": ("value", "header", "headers"),
    "prefix": ("value",),
}

LISTS = ("layers", "body")  # of tables, each with a header of its own


def clashes(mentions: Sequence[Mention]) -> Iterator[tuple[Mention, Mention]]:
    """Earlier and later mention, for each two that exclude each other; none in valid TOML.

    Those of outer keys come before those of keys inside them.
    """
    seen: dict[tuple[TomlPath, Form], Mention] = {}
    with_key = [(mention.written.key.start, mention) for mention in mentions if mention.written.key]
    for _, later in sorted(with_key, key=lambda pair: pair[0]):
        for form in CANNOT_FOLLOW[later.form]:
            if (later.path, form) in seen:
                yield seen[later.path, form], later
        seen.setdefault((later.path, later.form), later)


def explained(text: str, earlier: Mention, later: Mention) -> str:
    """What is wrong with both mentions in one text, to be put after the path and a colon."""
    start = earlier.written.value.start
    line = text.count("\n", 0, start) + 1
    if {earlier.form, later.form} == {"header", "headers"}:
        return f"is a table and a list of tables, the first in line {line}. Write it as one."
    if earlier.form == later.form == "header" and earlier.path[-1] in LISTS:
        return (
            f"has two headers of a table, the first in line {line}. Begin each item of the list "
            f"with [[{earlier.path[-1]}]]."
        )
    if earlier.form == later.form == "header":
        return f"has two headers, the first in line {line}. Write all of its keys below one."
    if later.form == "dotted" and earlier.form in ("header", "headers"):
        return f"has a header in line {line}. Write its keys below that."
    if earlier.form in ("dotted", "prefix"):
        return f"has keys already in line {line}. Write all of them in one place."
    if later.form in ("dotted", "prefix"):
        if text.startswith("{", start):
            return f"is complete in line {line}. Write its keys inside the braces there."
        return f"has a value in line {line}, so it cannot have keys. Write one of the two."
    return f"is set twice, first in line {line}. Set it once."
