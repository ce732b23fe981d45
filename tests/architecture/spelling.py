"""One document written as TOML in many ways: headers, dotted keys, quotes, numbers, comments."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from random import Random
from typing import Any

BARE = re.compile(r"[A-Za-z0-9_-]+")
COMMENTS = ["", "", "  # why not", "\t# größer 図 [x] = \"'"]


def spelled(document: Mapping[str, Any], seed: int) -> str:
    """The document as TOML, the spelling decided by ``seed``."""
    return _Writer(Random(seed)).document(document)


class _Writer:
    def __init__(self, random: Random) -> None:
        self.random = random
        self.lines: list[str] = []

    def document(self, document: Mapping[str, Any]) -> str:
        self._table("", document)
        mark = self.random.choice(["", "", "", "\ufeff"])
        return mark + "".join(self.lines).replace("\n", self.random.choice(["\n", "\n", "\r\n"]))

    def _table(self, path: str, table: Mapping[str, Any]) -> None:
        """The lines of a table: first its own values, then those with headers of their own."""
        below: list[tuple[str, Any]] = []
        for key, value in self._shuffled(table.items()):
            if _may_have_header(value) and self._coin():
                below.append((key, value))
            else:
                self._line(self._key(key), value)
        for key, value in below:
            name = f"{path}.{self._key(key)}" if path else self._key(key)
            for item in value if isinstance(value, list) else [value]:
                header = f"[[{name}]]" if isinstance(value, list) else f"[{name}]"
                self._write(f"{self._blank()}{header}")
                self._table(name, item)

    def _line(self, key: str, value: Any) -> None:
        if isinstance(value, dict) and value and self._coin():
            dot = self.random.choice([".", ".", " . "])
            for inner, item in value.items():
                self._line(f"{key}{dot}{self._key(inner)}", item)
        else:
            self._write(f"{self._blank()}{key}{self._equals()}{self._value(value)}")

    def _write(self, text: str) -> None:
        self.lines.append(f"{text}{self.random.choice(COMMENTS)}\n")

    def _value(self, value: Any) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return self._integer(value)
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, list):
            return self._list(value)
        if isinstance(value, dict):
            pairs = [f"{self._key(k)}{self._equals()}{self._value(v)}" for k, v in value.items()]
            return f"{{ {', '.join(pairs)} }}"
        return str(value)  # floats, dates and times

    def _list(self, items: list[Any]) -> str:
        lines = bool(items) and self._coin()
        gap = f"{self.random.choice(COMMENTS)}\n  " if lines else ""
        between = f",{gap}" if lines else self.random.choice([", ", ","])
        end = f",{gap}" if lines else ""
        return f"[{gap}{between.join(map(self._value, items))}{end}]"

    def _text(self, text: str) -> str:
        plain = not re.search(r"[\x00-\x1f\x7f'\\]", text)
        styles = [
            _escaped(text),
            f'"""{_escaped(text)[1:-1]}"""',
            f'"""\n{_escaped(text)[1:-1]}"""',
        ]
        if plain:
            styles += [f"'{text}'", f"'''{text}'''"]
        return self.random.choice(styles)

    def _integer(self, value: int) -> str:
        styles = [str(value), f"{value:_}"]
        styles += [f"{value:#x}", f"{value:#b}", f"+{value}"] if value >= 0 else []
        return self.random.choice(styles)

    def _key(self, key: str) -> str:
        if BARE.fullmatch(key) and self.random.random() < 0.9:
            return key
        return _escaped(key)

    def _equals(self) -> str:
        return self.random.choice([" = ", " = ", "=", "\t=  "])

    def _blank(self) -> str:
        return self.random.choice(["", "", "", "  ", "# a comment\n", "\n"])

    def _coin(self) -> bool:
        return self.random.random() < 0.5

    def _shuffled(self, items: Any) -> list[tuple[str, Any]]:
        mixed = list(items)
        if self._coin():
            self.random.shuffle(mixed)
        return mixed


def _may_have_header(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(item, dict) for item in value)
    return isinstance(value, dict)


def _escaped(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
