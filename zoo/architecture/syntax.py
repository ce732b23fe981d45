"""What is wrong with a text that is not TOML, in a user's words.

From what the text is in the middle of where tomli stopped (:mod:`zoo.architecture.broken`), and
from what follows, come the message and the place to point at. tomli's own words are only the last
resort, for they differ between its versions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import tomli

from zoo.architecture.advice import advised
from zoo.architecture.broken import Broken, quoted, shown
from zoo.architecture.positions import LineStarts
from zoo.architecture.repeated import clashes, explained
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
    finding = _find(text, at) or Finding(f"{shown(error.msg, 150)}.", at)
    return finding.message, *LineStarts(text).line_and_column(finding.at)


class Finding(NamedTuple):
    """What to tell, and the offset to point at."""

    message: str
    at: int


def _find(text: str, at: int) -> Finding | None:
    """The first explanation that fits."""
    try:
        broken = Broken(text, at)
    except (ValueError, RecursionError):
        return None
    explanations: Sequence[Callable[[Broken], Finding | None]] = (
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
    return next(filter(None, (explain(broken) for explain in explanations)), None)


def _odd_character(broken: Broken) -> Finding | None:
    """A control character, or outside of text another that cannot be seen."""
    one = broken.next
    unseen = broken.start == broken.at and one not in ("", "\t", "\n") and not one.isprintable()
    if not unseen and not CONTROL.match(one):
        return None
    message = (
        f"The character U+{ord(one):04X} stands here. Remove it, or write {shown(one)} in text."
    )
    if one == "\r":
        message = "A carriage return stands here alone. Lines end with a newline."
    return Finding(message, broken.at)


def _repeated(broken: Broken) -> Finding | None:
    """A key or table that is there already."""
    for earlier, later in clashes(broken.scanner.mentions):
        message = explained(broken.text, earlier, later)
        at = (later.written.key or later.written.value).start
        return Finding(f"{shown(format_path(later.path), 60)}: {message}", at)
    return None


def _open_text(broken: Broken) -> Finding | None:
    """Text or a key in quotes that has begun."""
    start = broken.start
    quote = broken.text[start : start + 1]
    if broken.expected not in ("key", "value") or start == broken.at or quote not in "\"'":
        return None
    if broken.expected == "value" and broken.text.startswith(quote * 3, start):
        quote *= 3
    if quote[0] == '"' and (finding := _bad_escape(broken, quote)):
        return finding
    where = "in its line" if len(quote) == 1 else "anywhere"
    return Finding(f"The text that opens here is not closed {where}. Close it with {quote}.", start)


def _bad_escape(broken: Broken, quote: str) -> Finding | None:
    """The last escape, if that is what tomli stopped for."""
    escapes = list(ESCAPE.finditer(broken.text, broken.start + len(quote), broken.at))
    if not escapes:
        return None
    letter, start, end = escapes[-1][1], escapes[-1].start(), escapes[-1].end()
    digits = HEX_DIGITS.get(letter, 0)
    if digits and not _is_character(broken.text[end : end + digits], digits):
        message = f"\\{letter} needs the {digits} hexadecimal digits of a character."
        return Finding(f"{message} Write \\\\ for a backslash.", start)
    blank = not broken.text[end : broken.at].strip(" \t")
    ends = broken.next in ("", "\n")  # which is wrong without an escape too
    if not blank or letter == "\n" or not letter or (ends and letter in ' \t"\\bfnrte'):
        return None
    message = f"\\{shown(letter)} is no escape in TOML. Write \\\\ for a backslash, or use '...'."
    return Finding(message, start)


def _is_character(written: str, digits: int) -> bool:
    if not re.fullmatch(f"[0-9A-Fa-f]{{{digits}}}", written):
        return False
    code = int(written, 16)
    return code < 0xD800 or 0xDFFF < code < 0x110000


def _no_value(broken: Broken) -> Finding | None:
    """An ``=`` with nothing after it, or with another."""
    before = broken.text[: broken.at].rstrip(" \t")
    if broken.expected != "value" or not before.endswith("="):
        return None
    if broken.next == "=":
        return Finding(f"{broken.key} has two = after it. Write {broken.key} = value.", broken.at)
    if broken.next in ("", "\n", "#", ",", "]", "}"):
        return Finding(f"{broken.key} has no value. Write one after the =.", broken.at)
    return None


def _open_bracket(broken: Broken) -> Finding | None:
    """A list or inline table that has no end."""
    if broken.opener < 0 or broken.expected == "header":
        return None
    bracket = broken.text[broken.opener]
    close = CLOSES[bracket]
    if not broken.next:
        message = f"The {bracket} that opens here is never closed. Close it with {close}."
        return Finding(message, broken.opener)
    if broken.next == "\n" and broken.expected in ("key", "}"):  # up to TOML 1.0
        message = "The inline table has several lines. Write it in one line, or below a header."
        return Finding(message, broken.opener)
    begun = broken.text.rfind("\n", broken.opener, broken.at)
    starts_line = begun >= 0 and not broken.text[begun : broken.at].strip()
    header = broken.next == "[" and broken.expected != "value"
    if starts_line and (header or ("=" in broken.rest and broken.expected in ("]", "}", "value"))):
        or_comma = ", or add a comma" if bracket == "{" and not header else ""
        message = f"The {bracket} is not closed before line {broken.line}. Close it with {close}"
        return Finding(f"{message}{or_comma}.", broken.opener)
    return None


def _not_a_value(broken: Broken) -> Finding | None:
    """A word, or words, where a value has to be; it may begin like a value."""
    start = broken.at
    if broken.expected in ("]", "}", ""):
        bare = broken.value.end > 0 and broken.text[broken.value.start] not in "\"'[{"
        if not bare or broken.value.end != broken.at or not WORD.match(broken.next):
            return None
        start = broken.value.start
    elif broken.expected != "value":
        return None
    match = WORD.match(broken.text, start)
    if not match:
        allowed = "Write a number, true, false, text in quotes, a list or a table."
        return Finding(f"A value is missing in front of {shown(broken.next)}. {allowed}", start)
    words = None if broken.scanner.opened else WORDS.match(broken.text, start)
    return Finding(advised(match.group(), words.group() if words else match.group()), start)


def _after_key(broken: Broken) -> Finding | None:
    """Something else than the ``=``."""
    if broken.expected != "=":
        return None
    key = broken.key
    if broken.next == ":":
        message = f"{key} has a colon after it. Write {key} = value."
    elif broken.next in ("", "\n", "#", ",", "]", "}"):
        message = f"{key} has no value. Write {key} = value."
    elif name := NAME.match(broken.text, broken.scanner.key.start):
        return _not_a_key(name[1], broken.scanner.key.start)
    else:
        message = f"The = is missing after {key}. Write {key} = value."
    return Finding(message, broken.at)


def _open_header(broken: Broken) -> Finding | None:
    if broken.expected != "header":
        return None
    double = broken.text.startswith("[[", broken.opener)
    whole = f"[[{broken.key}]]" if double else f"[{broken.key}]"
    if broken.next == "]":
        message = f"[[{broken.key}] has one closing bracket. Write {whole}."
    elif name := NAME.match(broken.text, broken.scanner.key.start):
        return _not_a_key(name[1], broken.scanner.key.start)
    else:
        message = f"The header is not closed in its line. Write {whole}."
    return Finding(message, broken.opener)


def _between_items(broken: Broken) -> Finding | None:
    """Something else than a comma after an item of a list or inline table."""
    if broken.expected not in ("]", "}"):
        return None
    if broken.next in ")]}":
        line = broken.text.count("\n", 0, broken.opener) + 1
        bracket = broken.text[broken.opener]
        close = broken.expected
        message = f"{broken.next} cannot close the {bracket} of line {line}. Write {close}."
        return Finding(message, broken.at)
    message = f"A comma is missing in front of {shown(broken.rest)}. Items need one between."
    return _touching_text(broken) or Finding(message, broken.at)


def _touching_text(broken: Broken) -> Finding | None:
    """Something that touches the end of a text."""
    quote = broken.text[broken.value.start : broken.value.start + 1]
    if quote not in ('"', "'") or broken.value.end != broken.at or not WORD.match(broken.next):
        return None
    advice = 'Write \\" for a quote in it.' if quote == '"' else 'Write text with a \' in "...".'
    return Finding(f"The text ends before {shown(broken.rest)}. {advice}", broken.at)


def _after_statement(broken: Broken) -> Finding | None:
    """Something in the line of a key-value pair or header that is complete."""
    end = broken.scanner.statement.end
    if broken.expected or not end or "\n" in broken.text[end : broken.at]:
        return None
    number = broken.line_from(broken.value.start).partition("#")[0].strip()
    if re.fullmatch(r"[+-]?[0-9]+,[0-9]+", number):
        point = shown(number.replace(",", "."))
        message = f"{shown(number)} is not a TOML value. Write {point} with a point."
        return Finding(message, broken.value.start)
    if finding := _touching_text(broken):
        return finding
    if broken.rest in (",", ";"):
        message = f"{broken.rest} cannot end a line. Remove it."
    elif broken.next in ")]}":
        message = f"{broken.next} closes nothing. Remove it."
    elif "=" in broken.rest:
        message = f"{shown(broken.rest)} follows in the same line. Start a new line for it."
    else:
        message = f"{shown(broken.rest)} follows a complete line. Remove it, or quote all as text."
    return Finding(message, broken.at)


def _no_key(broken: Broken) -> Finding | None:
    """Something else than a key where a key, or a new line, has to begin."""
    if broken.next == "=":
        message = "A key is missing in front of the =. Write key = value."
    elif broken.rest.startswith(("//", "/*", ";", "%")):
        message = f"{shown(broken.rest)} is no comment in TOML. Write # in front of it."
    elif not broken.expected and broken.next in ")]}":
        message = f"{broken.next} closes nothing. Remove it."
    elif (name := NAME.match(broken.text, broken.at)) and not name[1].startswith("."):
        return _not_a_key(name[1], broken.at)
    else:
        where = f"in front of {shown(broken.rest)}" if broken.rest else "here"
        message = f"A key is missing {where}. Write key = value, or [table]."
    return Finding(message, broken.at)


def _not_a_key(name: str, at: int) -> Finding:
    parts = [part.strip() for part in name.split(".")]
    right = ".".join(one if BARE_KEY.fullmatch(one) else quoted(one) for one in parts)
    message = f"{shown(name.strip())} is not a TOML key. It needs quotes: {shown(right, 60)}."
    return Finding(message, at)
