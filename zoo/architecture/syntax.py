"""What is wrong with a text that is not TOML, in a user's words.

From what the text is in the middle of where tomli stopped
(:mod:`zoo.architecture.syntax_context`), and from what follows, come the message and the place to
point at. tomli's own words are only the last resort, for they differ between its versions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import tomli

from zoo.architecture.advice import advised
from zoo.architecture.positions import LineStarts
from zoo.architecture.repeated import clashes, explained
from zoo.architecture.syntax_context import SyntaxContext, excerpt, quoted_excerpt
from zoo.errors import BARE_KEY, format_path

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
ESCAPE = re.compile(r"\\([\s\S]?)")
HEX_DIGITS: Mapping[str, int] = {"x": 2, "u": 4, "U": 8}
CLOSES: Mapping[str, str] = {"[": "]", "{": "}"}
WORD = re.compile(r"[^\s,;\[\]{}#=]+")
WORDS = re.compile(r"[^\s,;\[\]{}#=\"']+(?:[ \t]+[^\s,;\[\]{}#=\"']+)*(?=[ \t]*(?:#|\n|\Z))")
NAME = re.compile(r"([^\n\"'\[\]{}#,:=]+)[=\]]")  # what was meant as a key


def syntax_problem(text: str, error: tomli.TOMLDecodeError) -> tuple[str, int, int]:
    """Say what is wrong with a text, and where.

    Args:
        text: what tomli has refused, after :func:`zoo.architecture.positions.normalised`.
        error: what tomli raised.

    Returns:
        One line that ends with a full stop; line and column, each from 1, which lie in the text.
    """
    at = max(0, min(error.pos, len(text)))
    finding = _find(text, at) or Finding(f"{excerpt(error.msg, 150)}.", at)
    return finding.message, *LineStarts(text).line_and_column(finding.at)


class Finding(NamedTuple):
    """The message, and the offset to point at."""

    message: str
    at: int


def _find(text: str, at: int) -> Finding | None:
    """The first explanation that fits."""
    try:
        context = SyntaxContext(text, at)
    except (ValueError, RecursionError):
        return None
    explanations: Sequence[Callable[[SyntaxContext], Finding | None]] = (
        _odd_character,
        _repeated,
        _open_text,
        _no_value,
        _open_bracket,
        _not_a_value,
        _after_key,
        _open_header,
        _between_items,
        _after_statement,
        _no_key,
    )
    return next(filter(None, (explain(context) for explain in explanations)), None)


def _odd_character(context: SyntaxContext) -> Finding | None:
    """A control character, or outside of text another that cannot be seen."""
    char = context.next
    unseen = context.start == context.at and char not in ("", "\t", "\n") and not char.isprintable()
    if not unseen and not CONTROL.match(char):
        return None
    message = (
        f"The character U+{ord(char):04X} stands here. Remove it, or write {excerpt(char)} in text."
    )
    if char == "\r":
        message = "A carriage return stands here alone. Lines end with a newline."
    return Finding(message, context.at)


def _repeated(context: SyntaxContext) -> Finding | None:
    """A key or table that is there already."""
    for earlier, later in clashes(context.scanner.mentions):
        message = explained(context.text, earlier, later)
        at = (later.written.key or later.written.value).start
        return Finding(f"{excerpt(format_path(later.path), 60)}: {message}", at)
    return None


def _open_text(context: SyntaxContext) -> Finding | None:
    """Text or a key in quotes that has begun."""
    start = context.start
    quote = context.text[start : start + 1]
    if context.expected not in ("key", "value") or start == context.at or quote not in "\"'":
        return None
    if context.expected == "value" and context.text.startswith(quote * 3, start):
        quote *= 3
    if quote[0] == '"' and (finding := _bad_escape(context, quote)):
        return finding
    where = "in its line" if len(quote) == 1 else "anywhere"
    return Finding(f"The text that opens here is not closed {where}. Close it with {quote}.", start)


def _bad_escape(context: SyntaxContext, quote: str) -> Finding | None:
    """The last escape, if that is what tomli stopped for."""
    escapes = list(ESCAPE.finditer(context.text, context.start + len(quote), context.at))
    if not escapes:
        return None
    letter, start, end = escapes[-1][1], escapes[-1].start(), escapes[-1].end()
    digits = HEX_DIGITS.get(letter, 0)
    if digits and not _is_character(context.text[end : end + digits], digits):
        message = f"\\{letter} needs the {digits} hexadecimal digits of a character."
        return Finding(f"{message} Write \\\\ for a backslash.", start)
    blank = not context.text[end : context.at].strip(" \t")
    ends = context.next in ("", "\n")  # which is wrong without an escape too
    if not blank or letter == "\n" or not letter or (ends and letter in ' \t"\\bfnrte'):
        return None
    message = f"\\{excerpt(letter)} is no escape in TOML. Write \\\\ for a backslash, or use '...'."
    return Finding(message, start)


def _is_character(written: str, digits: int) -> bool:
    if not re.fullmatch(f"[0-9A-Fa-f]{{{digits}}}", written):
        return False
    code = int(written, 16)
    return code < 0xD800 or 0xDFFF < code < 0x110000


def _no_value(context: SyntaxContext) -> Finding | None:
    """An ``=`` with nothing after it, or with another."""
    before = context.text[: context.at].rstrip(" \t")
    if context.expected != "value" or not before.endswith("="):
        return None
    if context.next == "=":
        return Finding(
            f"{context.key} has two = after it. Write {context.key} = value.", context.at
        )
    if context.next in ("", "\n", "#", ",", "]", "}"):
        return Finding(f"{context.key} has no value. Write one after the =.", context.at)
    return None


def _open_bracket(context: SyntaxContext) -> Finding | None:
    """A list or inline table that has no end."""
    if context.opener < 0 or context.expected == "header":
        return None
    bracket = context.text[context.opener]
    close = CLOSES[bracket]
    if not context.next:
        message = f"The {bracket} that opens here is never closed. Close it with {close}."
        return Finding(message, context.opener)
    if context.next == "\n" and context.expected in ("key", "}"):  # up to TOML 1.0
        message = "The inline table has several lines. Write it in one line, or below a header."
        return Finding(message, context.opener)
    begun = context.text.rfind("\n", context.opener, context.at)
    starts_line = begun >= 0 and not context.text[begun : context.at].strip()
    header = context.next == "[" and context.expected != "value"
    if starts_line and (
        header or ("=" in context.rest and context.expected in ("]", "}", "value"))
    ):
        or_comma = ", or add a comma" if bracket == "{" and not header else ""
        message = f"The {bracket} is not closed before line {context.line}. Close it with {close}"
        return Finding(f"{message}{or_comma}.", context.opener)
    return None


def _not_a_value(context: SyntaxContext) -> Finding | None:
    """A word, or words, where a value has to be; it may begin like a value."""
    start = context.at
    if context.expected in ("]", "}", ""):
        bare = context.value.end > 0 and context.text[context.value.start] not in "\"'[{"
        if not bare or context.value.end != context.at or not WORD.match(context.next):
            return None
        start = context.value.start
    elif context.expected != "value":
        return None
    match = WORD.match(context.text, start)
    if not match:
        allowed = "Write a number, true, false, text in quotes, a list or a table."
        return Finding(f"A value is missing in front of {excerpt(context.next)}. {allowed}", start)
    words = None if context.scanner.opened else WORDS.match(context.text, start)
    return Finding(advised(match.group(), words.group() if words else match.group()), start)


def _after_key(context: SyntaxContext) -> Finding | None:
    """Something else than the ``=``."""
    if context.expected != "=":
        return None
    key = context.key
    if context.next == ":":
        message = f"{key} has a colon after it. Write {key} = value."
    elif context.next in ("", "\n", "#", ",", "]", "}"):
        message = f"{key} has no value. Write {key} = value."
    elif name := NAME.match(context.text, context.scanner.key.start):
        return _not_a_key(name[1], context.scanner.key.start)
    else:
        message = f"The = is missing after {key}. Write {key} = value."
    return Finding(message, context.at)


def _open_header(context: SyntaxContext) -> Finding | None:
    if context.expected != "header":
        return None
    double = context.text.startswith("[[", context.opener)
    whole = f"[[{context.key}]]" if double else f"[{context.key}]"
    if context.next == "]":
        message = f"[[{context.key}] has one closing bracket. Write {whole}."
    elif name := NAME.match(context.text, context.scanner.key.start):
        return _not_a_key(name[1], context.scanner.key.start)
    else:
        message = f"The header is not closed in its line. Write {whole}."
    return Finding(message, context.opener)


def _between_items(context: SyntaxContext) -> Finding | None:
    """Something else than a comma after an item of a list or inline table."""
    if context.expected not in ("]", "}"):
        return None
    if context.next in ")]}":
        line = context.text.count("\n", 0, context.opener) + 1
        bracket = context.text[context.opener]
        close = context.expected
        message = f"{context.next} cannot close the {bracket} of line {line}. Write {close}."
        return Finding(message, context.at)
    message = f"A comma is missing in front of {excerpt(context.rest)}. Items need one between."
    return _touching_text(context) or Finding(message, context.at)


def _touching_text(context: SyntaxContext) -> Finding | None:
    """Something that touches the end of a text."""
    quote = context.text[context.value.start : context.value.start + 1]
    if quote not in ('"', "'") or context.value.end != context.at or not WORD.match(context.next):
        return None
    advice = 'Write \\" for a quote in it.' if quote == '"' else 'Write text with a \' in "...".'
    return Finding(f"The text ends before {excerpt(context.rest)}. {advice}", context.at)


def _after_statement(context: SyntaxContext) -> Finding | None:
    """Something in the line of a key-value pair or header that is complete."""
    end = context.scanner.statement.end
    if context.expected or not end or "\n" in context.text[end : context.at]:
        return None
    number = context.line_from(context.value.start).partition("#")[0].strip()
    if re.fullmatch(r"[+-]?[0-9]+,[0-9]+", number):
        point = excerpt(number.replace(",", "."))
        message = f"{excerpt(number)} is not a TOML value. Write {point} with a point."
        return Finding(message, context.value.start)
    if finding := _touching_text(context):
        return finding
    if context.rest in (",", ";"):
        message = f"{context.rest} cannot end a line. Remove it."
    elif context.next in ")]}":
        message = f"{context.next} closes nothing. Remove it."
    elif "=" in context.rest:
        message = f"{excerpt(context.rest)} follows in the same line. Start a new line for it."
    else:
        message = (
            f"{excerpt(context.rest)} follows a complete line. Remove it, or quote all as text."
        )
    return Finding(message, context.at)


def _no_key(context: SyntaxContext) -> Finding | None:
    """Something else than a key where a key, or a new line, has to begin."""
    if context.next == "=":
        message = "A key is missing in front of the =. Write key = value."
    elif context.rest.startswith(("//", "/*", ";", "%")):
        message = f"{excerpt(context.rest)} is no comment in TOML. Write # in front of it."
    elif not context.expected and context.next in ")]}":
        message = f"{context.next} closes nothing. Remove it."
    elif (name := NAME.match(context.text, context.at)) and not name[1].startswith("."):
        return _not_a_key(name[1], context.at)
    else:
        where = f"in front of {excerpt(context.rest)}" if context.rest else "here"
        message = f"A key is missing {where}. Write key = value, or [table]."
    return Finding(message, context.at)


def _not_a_key(name: str, at: int) -> Finding:
    parts = [part.strip() for part in name.split(".")]
    right = ".".join(part if BARE_KEY.fullmatch(part) else quoted_excerpt(part) for part in parts)
    message = f"{excerpt(name.strip())} is not a TOML key. It needs quotes: {excerpt(right, 60)}."
    return Finding(message, at)
