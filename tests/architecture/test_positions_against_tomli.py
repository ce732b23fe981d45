"""Every key and value is where the index says: proved against tomli on any text it accepts."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from tests.draws import draws
from zoo.architecture.positions import (
    LineStarts,
    Mention,
    Scanner,
    TomlPath,
    Written,
    index,
    normalised,
)
from zoo.architecture.repeated import clashes

ROOT = Path(__file__).parents[2]
FILES = [
    *sorted(ROOT.glob("architectures/*.toml")),
    *sorted({*ROOT.glob("tests/invalid/*.toml")} - {ROOT / "tests/invalid/key_too_long.toml"}),
]
PLENTY = draws(600)


def paths(value: Any, path: TomlPath = ()) -> Iterator[tuple[TomlPath, Any]]:
    """The path of every value in a document, the whole document's first."""
    yield path, value
    items = value.items() if isinstance(value, dict) else ()
    for key, item in enumerate(value) if isinstance(value, list) else items:
        yield from paths(item, (*path, key))


def accepted(text: str) -> bool:
    try:
        tomli.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


# What an index has to fulfil


def prove(text: str) -> Counter[str]:
    """Compare the index of a text with what tomli makes of the same text; counts what it saw."""
    document = tomli.loads(text)
    written = index(text)
    assert list(clashes(scanned(text))) == []
    values = dict(paths(document))
    assert written.keys() == values.keys()
    forms = {path: form(path, written) for path in written}
    assert written[()] == Written(None, written[()].value)
    assert written[()].value == (0, 0)
    for path, value in values.items():
        if path:
            check_key(text, path, written[path])
            CHECKS[forms[path]](text, path, value, written[path])
    check_nesting(written, forms)
    check_lines(text, written)
    return Counter(forms.values())


def scanned(text: str) -> list[Mention]:
    scanner = Scanner(text)
    scanner.scan()
    return scanner.mentions


def form(path: TomlPath, written: dict[TomlPath, Written]) -> str:
    """What stands for the value at ``path``, by the relation of its two spans."""
    if not path:
        return "document"
    key, value = written[path]
    if key is None:
        return "header" if form(path[:-1], written) == "header" else "literal"
    if key == value:
        return "implicit"
    return "header" if value.start < key.start else "literal"


def check_key(text: str, path: TomlPath, written: Written) -> None:
    if written.key is None:
        assert isinstance(path[-1], int)
    else:
        assert tomli.loads(f"{text[slice(*written.key)]} = 0") == {path[-1]: 0}


def check_literal(text: str, path: TomlPath, value: Any, written: Written) -> None:
    literal = text[slice(*written.value)]
    assert literal == literal.strip()
    assert repr(tomli.loads(f"v = {literal}")["v"]) == repr(value)
    assert len(tomli.loads(f"v = [{literal}]")["v"]) == 1  # no comment at its end
    if written.key:
        assert re.fullmatch(r"[ \t]*=[ \t]*", text[written.key.end : written.value.start])


def check_header(text: str, path: TomlPath, value: Any, written: Written) -> None:
    """Alone, the header makes the table at its path, in lists of one item, and nothing else."""
    header = text[slice(*written.value)]
    assert (header[0], header[-1]) == ("[", "]")
    names = [key for key in path if isinstance(key, str)]
    made: Any = tomli.loads(header)
    for name in names:
        assert list(made) == [name]
        made = made[name]
    assert made == ([{}] if header.startswith("[[") else {})
    if written.key:
        assert written.value.start < written.key.start < written.key.end < written.value.end
    assert isinstance(value, list | dict)


def check_implicit(text: str, path: TomlPath, value: Any, written: Written) -> None:
    assert isinstance(value, dict)
    assert value


CHECKS: dict[str, Callable[[str, TomlPath, Any, Written], None]] = {
    "literal": check_literal,
    "header": check_header,
    "implicit": check_implicit,
}


def check_nesting(written: dict[TomlPath, Written], forms: dict[TomlPath, str]) -> None:
    """What is in a literal lies inside it; siblings do not overlap."""
    families: dict[TomlPath, list[tuple[int, int]]] = {}
    for path, (key, value) in written.items():
        if not path:
            continue
        start = min(key.start, value.start) if key else value.start
        families.setdefault(path[:-1], []).append((start, value.end))
        outer = written[path[:-1]].value
        if forms[path[:-1]] == "literal":
            assert outer.start < start < value.end < outer.end
    for spans in families.values():
        spans.sort()
        assert all(one[1] <= next_[0] for one, next_ in pairwise(spans))


def check_lines(text: str, written: dict[TomlPath, Written]) -> None:
    starts = LineStarts(text)
    lines = text.split("\n")
    for path, (key, value) in written.items():
        for offset in (value.start, key.start if key else value.start):
            line, column = starts.line_and_column(offset)
            assert sum(len(one) + 1 for one in lines[: line - 1]) + column - 1 == offset
            assert not path or lines[line - 1][column - 1] == text[offset]


# Random documents, in random spellings

KEYS = st.sampled_from(["a", "b", "type", "lr", "0", "1.5", "é", "日本", "😀", "", " ", "a.b", "#"])
TEXTS = st.text(max_size=8) | st.text(alphabet="\"'\\\n\t #[]{}=,a😀é\x00\x1b\x7f", max_size=12)
ZONES = st.none() | st.integers(-23 * 60, 23 * 60).map(lambda m: timezone(timedelta(minutes=m)))
SCALARS = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | TEXTS
    | st.dates()
    | st.times().map(lambda time: time.replace(fold=0))
    | st.datetimes(timezones=ZONES).map(lambda time: time.replace(fold=0))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.lists(st.dictionaries(KEYS, inner, max_size=3), min_size=1, max_size=3)
    ),
    max_leaves=14,
)
DOCUMENTS = st.dictionaries(KEYS | st.text(max_size=5), VALUES, min_size=1, max_size=6)
MODERN = accepted("a = {\n}")  # TOML 1.1


class Writer:
    """Writes a document as TOML, each time another way; ``modern`` as only TOML 1.1 allows."""

    def __init__(self, choices: random.Random, modern: bool) -> None:
        self.choices = choices
        self.modern = modern

    def often(self) -> bool:
        return self.choices.random() < 0.5

    def pick(self, *options: str) -> str:
        return self.choices.choice(options)

    def document(self, table: dict[str, Any]) -> str:
        statements, blocks = self.split(table, [])
        text = self.gap() + "".join(statements) + "".join(self.merged(blocks))
        text = text.removesuffix("\n") if self.often() else text
        text = text.replace("\n", "\r\n") if self.choices.random() < 0.3 else text
        return "\ufeff" + text if self.choices.random() < 0.2 else text

    def split(self, table: dict[str, Any], path: list[str]) -> tuple[list[str], list[list[str]]]:
        """The statements for below a table's header, and blocks of further sections."""
        statements, blocks = [], []
        for name, value in self.shuffled(table.items()):
            tables = isinstance(value, list) and value and all(isinstance(i, dict) for i in value)
            if isinstance(value, dict) and self.often():
                blocks += self.section([*path, name], value)
            elif tables and self.often():
                blocks.append(self.sections([*path, name], value))
            else:
                statements += [f"{pair}{self.end()}" for pair in self.pairs([name], value)]
        return statements, blocks

    def section(self, path: list[str], table: dict[str, Any]) -> list[list[str]]:
        """``[table]`` and the tables in it, which may even come before it."""
        statements, blocks = self.split(table, path)
        if blocks and not statements and self.often():
            return blocks
        header = f"[{self.blank()}{self.key(path)}{self.blank()}]{self.end()}"
        return [[header + "".join(statements)], *blocks]

    def sections(self, path: list[str], items: list[dict[str, Any]]) -> list[str]:
        """``[[table]]`` for each item, the tables in it after it."""
        text = []
        for item in items:
            statements, blocks = self.split(item, path)
            header = f"[[{self.blank()}{self.key(path)}{self.blank()}]]{self.end()}"
            text += [header + "".join(statements), *self.merged(blocks)]
        return text

    def merged(self, blocks: list[list[str]]) -> list[str]:
        """All sections in any order, but for those of one block."""
        text = []
        while blocks := [block for block in blocks if block]:
            block = self.choices.choice(blocks)
            for _ in range(self.choices.randint(1, len(block))):
                text.append(block.pop(0))
        return text

    def pairs(self, path: list[str], value: Any) -> list[str]:
        """``key = value``, or for a table maybe one with a dotted key for each of its items."""
        if isinstance(value, dict) and value and self.often():
            items = self.shuffled(value.items())
            return [pair for name, item in items for pair in self.pairs([*path, name], item)]
        return [f"{self.blank()}{self.key(path)}{self.blank()}={self.blank()}{self.value(value)}"]

    def key(self, path: list[str]) -> str:
        return f"{self.blank()}.{self.blank()}".join(self.part(name) for name in path)

    def part(self, name: str) -> str:
        if re.fullmatch(r"[A-Za-z0-9_-]+", name) and self.often():
            return name
        if self.often() and not re.search(r"['\x00-\x08\x0a-\x1f\x7f]", name):
            return f"'{name}'"
        return f'"{self.escaped(name)}"'

    def value(self, value: Any) -> str:
        if isinstance(value, dict):
            pairs = [pair for name, item in value.items() for pair in self.pairs([name], item)]
            gap, comma = (self.gap, "," * self.often()) if self.modern else (self.blank, "")
            return f"{{{self.joined(pairs, gap)}{comma if pairs else ''}{gap()}}}"
        if isinstance(value, list):
            items = [self.value(item) for item in value]
            comma = "," * self.often() if items else ""
            return f"[{self.joined(items, self.gap)}{comma}{self.gap()}]"
        return self.scalar(value)

    def joined(self, items: list[str], gap: Callable[[], str]) -> str:
        return ",".join(f"{gap()}{item}{gap()}" for item in items)

    def scalar(self, value: Any) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int):
            return self.pick(str(value), f"{value:_}", hex(value) if value >= 0 else str(value))
        if isinstance(value, float):
            text = repr(value)
            return text if "." in text or "e" in text or "n" in text else f"{text}.0"
        text = value.isoformat(self.pick("T", " ", "t")) if isinstance(value, datetime) else ""
        return (text or str(value.isoformat())).replace("+00:00", self.pick("Z", "+00:00"))

    def text(self, value: str) -> str:
        forbidden = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # also in literal text of many lines
        if self.often() and not forbidden.search(value):
            if not re.search("['\n]", value) and self.often():
                return f"'{value}'"
            if "'''" not in value:  # up to two quotes may stand next to the delimiter
                return f"'''\n{value}'''"
        if self.often():
            return f'"{self.escaped(value)}"'
        start, fold = self.pick("", "\n"), self.pick("", "\\\n  \n ", "\\ \n")
        start = "\n" if value.startswith("\n") else start
        return f'"""{start}{fold if value.strip() == value else ""}{self.lines(value)}"""'

    def escaped(self, value: str) -> str:
        return "".join(self.character(one) for one in value)

    def lines(self, value: str) -> str:
        """Text of many lines: newlines as they are, and up to two quotes in a row."""
        escaped = "".join(one if one in '\n"' else self.character(one) for one in value)
        return escaped.replace('"""', '""\\"')

    def character(self, one: str) -> str:
        short = {"\b": "b", "\t": "t", "\n": "n", "\f": "f", "\r": "r", '"': '"', "\\": "\\"}
        if one in short and self.often():
            return f"\\{short[one]}"
        if re.match(r'["\\\x00-\x08\x0a-\x1f\x7f]', one) or not self.choices.randrange(9):
            return f"\\u{ord(one):04x}" if ord(one) < 2**16 else f"\\U{ord(one):08X}"
        return one

    def blank(self) -> str:
        return self.pick("", "", "", " ", " ", "\t", " \t ")

    def gap(self) -> str:
        return self.pick("", "", " ", "\n", " # ] } \" ''' é, = \n", "\n\n\t")

    def end(self) -> str:
        return self.blank() + self.pick("\n", "\n", "\n\n", '# "a" = [\n', "#\n \n")

    def shuffled(self, items: Any) -> list[Any]:
        return self.choices.sample(list(items), len(items))


def canonical(value: Any) -> str:
    """A value's text, the same for tables that differ in order alone."""
    if isinstance(value, dict):
        return f"{{{sorted((key, canonical(item)) for key, item in value.items())}}}"
    return str([canonical(i) for i in value]) if isinstance(value, list) else repr(value)


@pytest.mark.slow
def test_random_documents_in_random_spellings() -> None:
    corpus: Counter[str] = Counter()

    @PLENTY
    @given(DOCUMENTS, st.randoms(use_true_random=False), st.booleans())
    def examine(document: dict[str, Any], choices: random.Random, modern: bool) -> None:
        text = normalised(Writer(choices, modern and MODERN).document(document))
        assert canonical(tomli.loads(text)) == canonical(document), text
        corpus.update(prove(text))
        corpus.update(texts=1, characters=len(text), lines=text.count("\n"))

    examine()
    print(dict(corpus))
    assert corpus["texts"] >= 500
    assert min(corpus[form] for form in CHECKS) >= 200


# Random changes of texts

NASTY = r"""
"a.b" . 'c'	.d = { x.y = [1, [2, {z = 3}],], "k\u00e9" = ''''q''', w = '''''a''''' } # c # d
1.5 = 1979-05-27 07:32:00 # a date
5 = [1979-05-27 , 07:32:00, 1979-05-27T07:32:00.5-07:00, +inf, -nan, 1_000, 0xFF, 6.6e-3,
  # ] " '
]
"" = ''
' ' . x = '"'
m = QQQ""a""\""b\
    c\\QQQ""
[ x . "y z" ]
y.z = 1
[x]
q.r = ["]", '}', QQQ]QQQ, {}]
[[t]]
[t.init.deep]
v = true
[[ t ]]
s.u.w = {}
[[t.sub]]
[t.sub.one]
[t.late]
""".replace("QQQ", '"""')
MODERN_NASTY = r"""a = {
  b.c = 1, # one
  b.d = "\e\x41" ,

  e = 07:32, f = {
  },
}
"""
NASTY_TEXTS = [NASTY, MODERN_NASTY] if MODERN else [NASTY]
FILE_TEXTS = [normalised(path.read_bytes().decode("utf-8")) for path in FILES]
PIECES = [
    *(
        "\n",
        " ",
        "\t",
        "#",
        "=",
        ".",
        ",",
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        '"',
        "'",
        "\\",
        "1",
        "a",
    ),
    *('"""', "'''", "\\\n", "a = 1\n", "[a]\n", "[[a]]\n", "[a.b]\n", "a.b = 2\n", "é", "😀", "{}"),
]


def changed(text: str, choices: random.Random) -> str:
    """The text with a few parts left out, doubled, moved or put in."""
    for _ in range(choices.randint(1, 4)):
        start = choices.randint(0, len(text))
        end = start + choices.choice([0, 0, 1, 1, 2, 5, 20])
        if choices.random() < 0.4:  # whole lines
            start = text.rfind("\n", 0, start) + 1
            end = text.find("\n", start) + 1 or len(text)
        part = choices.choice(["", text[start:end] * 2, *choices.sample(PIECES, 3)])
        text = text[:start] + part + text[end:]
        if choices.random() < 0.1:
            at = choices.randint(0, len(text))
            text = text[at:] + text[:at]
    return text


def prove_changed(seeds: range) -> Counter[str]:
    """What was seen in one randomly changed text for each seed."""
    corpus: Counter[str] = Counter()
    for seed in seeds:
        choices = random.Random(seed)
        text = choices.choice(choices.choice([NASTY_TEXTS, FILE_TEXTS]))
        text = changed(text, choices)
        corpus["changed"] += 1
        if accepted(text):
            corpus.update(prove(text))
            corpus["accepted"] += 1
    return corpus


def test_the_texts_to_change() -> None:
    assert len(FILES) > 20
    assert accepted(NASTY)
    assert accepted(MODERN_NASTY) == MODERN
    for text in filter(accepted, [*NASTY_TEXTS, *FILE_TEXTS]):
        prove(text)


def test_random_changes_of_texts() -> None:
    corpus = prove_changed(range(5000))
    print(dict(corpus))
    assert corpus["accepted"] >= 400
    assert min(corpus[form] for form in CHECKS) >= 200
