"""A list of tensor operations that torch's TorchScript interpreter runs, without Python.

Python starts one operation in two to three microseconds and has one lock for all its threads, so
that threads with short operations mostly wait for each other. The interpreter starts one in less
than one, and holds no lock. The operations are the same.

Source: https://docs.pytorch.org/docs/stable/jit_language_reference_v2.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from zoo.engine.capture.private import compile_script, script_problem, unoptimized
from zoo.engine.compiled.call import BoundCall


@dataclass(frozen=True)
class AtenCall:
    """An operation that writes to tensors that it is given.

    Attributes:
        name: torch's, such as ``mm``; a method of a tensor if it ends in ``_``.
        arguments, keywords: what it is given.
    """

    name: str
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]

    def __call__(self) -> object:
        """Run it from Python."""
        return self.function(*self.arguments, **self.keywords)

    @property
    def function(self) -> Callable[..., object]:
        """torch's own."""
        function: Callable[..., object] = getattr(
            Tensor if self.name.endswith("_") else torch, self.name
        )
        return function


class Program:
    """Operations to be run in order, again and again.

    Args:
        calls: the operations. What is no :class:`AtenCall` is run by Python in between, and so are
            all where there is one that the interpreter does not know.

    Attributes:
        by_python: how many are run by Python, compiled kernels not counted.
    """

    def __init__(self, calls: Sequence[Callable[[], object]]) -> None:
        self._scripted = not script_problem()
        self._parts: list[Callable[[], object]] = []
        try:
            for known, group in groupby(calls if self._scripted else (), _is_scriptable):
                run = list(group)
                self._parts += [_scripted(run)] if known else run
        except Exception:  # an operation that the interpreter cannot be told
            self._scripted = False
        if not self._scripted:
            self._parts = list(calls)
        others = [call for call in calls if not isinstance(call, BoundCall)]
        python = (call for call in others if not self._scripted or not _is_scriptable(call))
        self.by_python = sum(1 for _ in python)

    def __call__(self) -> None:
        """Run them."""
        if not self._scripted:
            for call in self._parts:
                call()
            return
        with unoptimized():
            for part in self._parts:
                part()


def _is_scriptable(call: Callable[[], object]) -> bool:
    return isinstance(call, AtenCall)


def _scripted(calls: Iterable[Callable[[], object]]) -> Callable[[], object]:
    """Some of the operations, run by the interpreter."""
    text = _Text()
    for call in calls:
        text.add(call)
    return compile_script(str(text), text.tensors)


class _Text:
    """The operations as a function of a list of tensors.

    Attributes:
        tensors: that list.
    """

    def __init__(self) -> None:
        self.tensors: list[Tensor] = []
        self._names: dict[int, str] = {}
        self._lines: list[str] = []

    def __str__(self) -> str:
        unpacked = [f"{', '.join(self._names.values())}, = tensors"] if self.tensors else []
        body = "\n    ".join([*unpacked, *self._lines, "return None"])
        return f"def run(tensors: List[Tensor]) -> None:\n    {body}\n"

    def add(self, call: Callable[[], object]) -> None:
        """Write an operation.

        Raises:
            ValueError: it cannot be written.
        """
        if not isinstance(call, AtenCall):
            raise ValueError("not an operation of torch")
        operands = [self._operand(value) for value in call.arguments]
        operands += [f"{key}={self._operand(value)}" for key, value in call.keywords.items()]
        if call.name.endswith("_"):
            self._lines.append(f"{operands[0]}.{call.name}({', '.join(operands[1:])})")
        else:
            self._lines.append(f"torch.{call.name}({', '.join(operands)})")

    def _operand(self, value: Any) -> str:
        if isinstance(value, Tensor):
            if id(value) not in self._names:
                self._names[id(value)] = f"t{len(self.tensors)}"
                self.tensors.append(value)
            return self._names[id(value)]
        if isinstance(value, (list, tuple)):
            return f"[{', '.join(map(self._operand, value))}]"
        if isinstance(value, (bool, int, torch.dtype)) or value is None:
            return str(value)
        if isinstance(value, float) and isfinite(value):
            return repr(value)
        raise ValueError(f"a {type(value).__name__} cannot be written")
