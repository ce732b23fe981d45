"""A training step's passes recorded as a list of tensor operations, and run again, on a CPU.

Of a step on small images Python takes the larger part: it walks through the layers and makes some
hundred views of tensors, the same in each step. A tape keeps what remains, the operations that
compute, with the tensors that they read and write. All memory that the step needs for itself is
planned once: tensors that are not needed at the same time share their place.

Operations, their order and their operands are those of the ordinary step, so results are the same
bit for bit; :class:`zoo.train.graph.Captured` compares them before it uses a recording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from zoo.train.graph import Recording, TooLargeError

# Memory of its own up to which a step is recorded, in bytes: in a larger one the work outweighs
# Python by far, and while it is recorded nothing is freed.
MOST_MEMORY = 2**30
ALIGNMENT = 64  # bytes: that of torch's own allocations
UNFILLED = frozenset({"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided"})
FILLED_WITH_ZEROS = frozenset({"zeros", "zeros_like", "new_zeros"})


@dataclass(frozen=True)
class Operation:
    """One operation that computes.

    Attributes:
        function: one of torch's operations, as it was dispatched.
        arguments, keywords: what it was given.
        results: the tensors that it made; none if it wrote to tensors that it was given.
    """

    function: Any
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    results: list[Tensor]

    def tensors(self) -> Iterable[Tensor]:
        """All tensors that it reads or writes."""
        leaves = tree_leaves((self.arguments, self.keywords, self.results))
        return [leaf for leaf in leaves if isinstance(leaf, Tensor)]


class Tape(TorchDispatchMode):  # type: ignore[no-untyped-call]  # of its base
    """Runs operations and keeps them. What they change outside can be undone.

    Args:
        most_memory: bytes that they may need for themselves.
    """

    def __init__(self, most_memory: int = MOST_MEMORY) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._most_memory = most_memory
        self.operations: list[Operation] = []
        self.own: dict[int, int] = {}  # storages made meanwhile, by address: their bytes
        self._before: dict[int, tuple[Tensor, Tensor]] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.ops.aten._local_scalar_dense.default:  # item(), bool(), tolist()
            raise RuntimeError("the step reads a number from a tensor")
        inputs = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        writes = func._schema.is_mutable
        if writes:
            self._remember(inputs)
        outputs = func(*args, **kwargs)
        results = [leaf for leaf in tree_leaves(outputs) if isinstance(leaf, Tensor)]
        given = {_address(tensor) for tensor in inputs}
        made = [tensor for tensor in results if _address(tensor) not in given]
        for tensor in made:
            self.own[_address(tensor)] = tensor.untyped_storage().nbytes()
        if sum(self.own.values()) > self._most_memory:
            raise TooLargeError(f"the step needs more than {self._most_memory} bytes")
        if writes or made:  # else its results are views
            self.operations.append(Operation(func, args, kwargs, made))
        return outputs

    def undo(self) -> None:
        """Give the tensors outside their values of before."""
        for tensor, values in self._before.values():
            tensor.copy_(values)

    def _remember(self, tensors: Iterable[Tensor]) -> None:
        for tensor in tensors:
            address = _address(tensor)
            if address not in self.own and address not in self._before:
                elements = tensor.untyped_storage().nbytes() // tensor.itemsize
                whole = tensor.as_strided((elements,), (1,), 0)
                self._before[address] = (whole, whole.clone())


class Tapes:
    """Records work on a CPU.

    Args:
        most_memory: bytes of its own up to which work is recorded.
    """

    what = "a list of operations"
    exact = True
    expected = False  # ordinary steps are what one has without it

    def __init__(self, most_memory: int = MOST_MEMORY) -> None:
        self._most_memory = most_memory

    def warm_up(self, work: Callable[[], Tensor]) -> Tensor:
        """Run ``work``."""
        return work()

    def record(self, work: Callable[[], Tensor]) -> Recording:
        """Record ``work``, whose effects are undone.

        Raises:
            TooLargeError: see there.
            RuntimeError: the work reads a number from a tensor, on which it could depend.
        """
        tape = Tape(self._most_memory)
        try:
            with tape:
                result = work()
        finally:
            tape.undo()
        placed = _Placed(tape, result)
        found = [placed.call(operation) for operation in tape.operations]
        calls = [call for call in found if call is not None]

        def replay() -> None:
            for function, arguments, keywords in calls:
                function(*arguments, **keywords)

        return Recording(placed.tensor(result), replay)


Call = tuple[Callable[..., object], tuple[Any, ...], dict[str, Any]]


class _Placed:
    """The operations of a tape on planned memory."""

    def __init__(self, tape: Tape, result: Tensor) -> None:
        spans = _spans(tape)
        if _address(result) in spans:  # read after all operations
            spans[_address(result)] = (spans[_address(result)][0], len(tape.operations))
        self._places, size = plan([(tape.own[address], *span) for address, span in spans.items()])
        self._index = {address: index for index, address in enumerate(spans)}
        self._memory = torch.empty(size, dtype=torch.uint8)

    def tensor(self, tensor: Tensor) -> Tensor:
        """The same part of planned memory; a tensor from outside as it is."""
        index = self._index.get(_address(tensor))
        if index is None:
            return tensor
        start, size = self._places[index]
        memory = self._memory[start : start + size].view(tensor.dtype)
        offset = memory.storage_offset() + tensor.storage_offset()
        return memory.as_strided(tensor.shape, tensor.stride(), offset)

    def call(self, operation: Operation) -> Call | None:
        """What runs the operation again, None where there is nothing to do."""
        arguments, keywords, results = tree_map_only(
            Tensor, self.tensor, (operation.arguments, operation.keywords, operation.results)
        )
        name = operation.function._schema.name.removeprefix("aten::")
        if not results:
            return _of_python(name, keywords) or operation.function, arguments, keywords
        if name in UNFILLED:
            return None
        if name in FILLED_WITH_ZEROS:
            return Tensor.zero_, (results[0],), {}
        if name == "clone":
            return Tensor.copy_, (results[0], arguments[0]), {}
        return _writing(name, arguments, keywords, results) or (
            _run_and_copy,
            (operation.function, arguments, keywords, results),
            {},
        )


def _of_python(name: str, keywords: dict[str, Any]) -> Callable[..., object] | None:
    """The function of torch's Python interface for an operation that writes to what it is given.

    It is the same operation, started two to three times faster.
    """
    if name.endswith("_"):
        return getattr(Tensor, name, None)
    return getattr(torch, name, None) if "out" in keywords else None


def _writing(
    name: str, arguments: tuple[Any, ...], keywords: dict[str, Any], results: list[Tensor]
) -> Call | None:
    """The same operation with a tensor to write to, if torch has it; tried out."""
    function = getattr(torch, name, None)
    if function is None or len(results) > 1:
        return None
    keywords = {**keywords, "out": results[0]}
    try:
        function(*arguments, **keywords)
    except (TypeError, RuntimeError):
        return None
    return function, arguments, keywords


def _run_and_copy(
    function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], results: list[Tensor]
) -> None:
    outputs = function(*arguments, **keywords)
    found = [leaf for leaf in tree_leaves(outputs) if isinstance(leaf, Tensor)]
    for result, values in zip(results, found, strict=True):
        result.copy_(values)


def plan(spans: Sequence[tuple[int, int, int]]) -> tuple[list[tuple[int, int]], int]:
    """Places in one block of memory for pieces of it, each needed for a while.

    The largest piece first, each at the lowest place that is free all the time.

    Args:
        spans: for each piece its bytes, and the first and the last moment in which it is needed.

    Returns:
        (start, bytes) of each, and the bytes of the whole.
    """
    starts: dict[int, int] = {}
    sizes = [-(-max(size, 1) // ALIGNMENT) * ALIGNMENT for size, _, _ in spans]
    for index in sorted(range(len(spans)), key=lambda index: -sizes[index]):
        _, first, last = spans[index]
        taken = sorted(
            (start, start + sizes[other])
            for other, start in starts.items()
            if spans[other][1] <= last and first <= spans[other][2]
        )
        place = 0
        for start, end in taken:
            if place + sizes[index] <= start:
                break
            place = max(place, end)
        starts[index] = place
    places = [(starts[index], span[0]) for index, span in enumerate(spans)]
    return places, max((start + sizes[index] for index, start in starts.items()), default=0)


def _spans(tape: Tape) -> dict[int, tuple[int, int]]:
    """For each storage of the tape's own the first and the last operation that has it."""
    spans: dict[int, tuple[int, int]] = {}
    for number, operation in enumerate(tape.operations):
        for tensor in operation.tensors():
            address = _address(tensor)
            if address in tape.own:
                spans[address] = (spans.get(address, (number, number))[0], number)
    return spans


def _address(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
