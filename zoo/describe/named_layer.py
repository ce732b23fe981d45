"""How a layer is named to a user: as in the state dict, with where its file has it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NamedLayer:
    """A layer of an architecture.

    Attributes:
        name: as in the state dict: ``3``, or ``1.body.0`` for a layer inside another one.
        type: the entry's name: ``conv2d``.
        file, line, column: where the architecture file has it; the line and column are 0 where
            that has no lines.
        has_body: whether it contains layers that have names of their own.
    """

    name: str
    type: str
    file: str
    line: int
    column: int
    has_body: bool = False

    def __str__(self) -> str:
        return f"layer {self.name} ({self.type}, {self.where})"

    @property
    def where(self) -> str:
        """``net.toml:12:1``."""
        return ":".join(
            [self.file, *(str(number) for number in (self.line, self.column) if number)]
        )
