"""A list of tensor operations that torch's TorchScript interpreter runs, without Python.

Python starts one operation in two to three microseconds and has one lock for all its threads, so
that threads with short operations mostly wait for each other. The interpreter starts one in less
than one, and holds no lock. The operations are the same. The tensors are kept in a list of its own:
one that Python has too would need the lock to be counted.

Source: https://docs.pytorch.org/docs/stable/jit_language_reference_v2.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from math import isfinite
from threading import Lock
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Call:
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
        calls: the operations. What is no :class:`Call` is run by Python in between, and so are all
            where there is one that the interpreter does not know.

    Attributes:
        by_python: how many are run by Python.
    """

    def __init__(self, calls: Sequence[Callable[[], object]]) -> None:
        self._parts: list[Callable[[], object]] = []
        try:
            for known, some in groupby(calls, _is_call):
                together = list(some)
                self._parts += [_interpreted(together)] if known else together
            self.by_python = len(calls) - sum(map(_is_call, calls))
        except Exception:  # a torch without the interpreter, or an operation it cannot be told
            self._parts = list(calls)
            self.by_python = len(calls)

    def __call__(self) -> None:
        """Run them."""
        with _NOT_OPTIMISED:
            for part in self._parts:
                part()


def _is_call(call: Callable[[], object]) -> bool:
    return isinstance(call, Call)


def _interpreted(calls: Iterable[Callable[[], object]]) -> Callable[[], object]:
    """Some of the operations, run by the interpreter."""
    text = _Text()
    for call in calls:
        text.add(call)
    run = torch.jit.CompilationUnit(str(text)).run
    return partial(run, torch._C.ScriptList(text.tensors))


class _NotOptimised:
    """Within it programs run as they are: optimising takes time, and would find nothing.

    The setting is one for all threads, so the last that leaves gives it back.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0
        self._before = True

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._before = torch._C._get_graph_executor_optimize()
                torch._C._set_graph_executor_optimize(False)
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                torch._C._set_graph_executor_optimize(self._before)


_NOT_OPTIMISED = _NotOptimised()


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
        if not isinstance(call, Call):
            raise ValueError("not an operation of torch")
        operands = [self._written(value) for value in call.arguments]
        operands += [f"{key}={self._written(value)}" for key, value in call.keywords.items()]
        if call.name.endswith("_"):
            self._lines.append(f"{operands[0]}.{call.name}({', '.join(operands[1:])})")
        else:
            self._lines.append(f"torch.{call.name}({', '.join(operands)})")

    def _written(self, value: Any) -> str:
        if isinstance(value, Tensor):
            if id(value) not in self._names:
                self._names[id(value)] = f"t{len(self.tensors)}"
                self.tensors.append(value)
            return self._names[id(value)]
        if isinstance(value, (list, tuple)):
            return f"[{', '.join(map(self._written, value))}]"
        if isinstance(value, (bool, int, torch.dtype)) or value is None:
            return str(value)
        if isinstance(value, float) and isfinite(value):
            return repr(value)
        raise ValueError(f"a {type(value).__name__} cannot be written")
