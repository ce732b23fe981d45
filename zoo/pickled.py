"""Looking at a pickle of anybody before it is loaded."""

from __future__ import annotations

import io
import pickletools
from collections.abc import Iterator, Sequence
from typing import Any

MOST_NESTED = 32  # tuples in one another; a tensor has four

Operation = tuple[str, Any]  # name and argument


def operations(pickled: bytes | io.BytesIO) -> Iterator[Operation]:
    """What a pickle does, one after the other.

    A tuple that has another one twice, and so on, takes next to no bytes, and its hash, as the key
    of a dict, more time than there is: tuples may be nested 32 deep.

    Raises:
        ValueError: it is no pickle, or nests tuples deeper.
    """
    depths: list[int] = []  # of the tuples on the stack; 0 for anything else
    marks: list[int] = []
    memo: dict[Any, int] = {}
    for operation, argument, _ in pickletools.genops(pickled):
        yield operation.name, argument
        popped = _popped(operation.stack_before, depths, marks)
        if operation.name == "MARK":
            marks.append(len(depths))
        elif "GET" in operation.name:
            depths.append(memo.get(argument, 0))
        elif "PUT" in operation.name:
            memo[argument] = depths[-1] if depths else 0
        elif operation.name == "MEMOIZE":
            depths += popped
            memo[len(memo)] = depths[-1] if depths else 0
        elif operation.name == "DUP":
            depths += 2 * popped
        elif "TUPLE" in operation.name or operation.name == "REDUCE":
            depths.append(1 + max(popped, default=0))
            if depths[-1] > MOST_NESTED:
                raise ValueError("tuples are nested too deeply")
        else:
            depths += [0] * len(operation.stack_after)


def _popped(wanted: Sequence[object], depths: list[int], marks: list[int]) -> list[int]:
    """Take from the stack what an operation does: of what is above a mark, all."""
    count = len(wanted)
    start = len(depths)
    if pickletools.markobject in wanted:
        count = list(wanted).index(pickletools.markobject)
        start = marks.pop() if marks else 0
    start = max(0, start - count)
    popped = depths[start:]
    del depths[start:]
    return popped
