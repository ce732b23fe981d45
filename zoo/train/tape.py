"""A training step's passes recorded as a list of tensor operations, and run again, on a CPU.

Of a step on small images Python takes the larger part: it walks through the layers and makes some
hundred views of tensors, the same in each step. A tape keeps what remains, the operations that
compute, with the tensors that they read and write, and torch's interpreter runs it
(:mod:`zoo.train.program`). All memory that the step needs for itself is
planned once: tensors that are not needed at the same time share their place.

Operations, their order and their operands are those of the ordinary step, so results are the same
bit for bit; :class:`zoo.train.graph.Captured` compares them before it uses a recording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from zoo.malloc import give_back_freed_memory
from zoo.train.graph import Recording, TooLargeError
from zoo.train.places import plan
from zoo.train.program import Call, Program

# Memory of its own up to which a step is recorded, in bytes: in a larger one the work outweighs
# Python by far.
MOST_MEMORY = 2**30
UNFILLED = frozenset({"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided"})
PLACE = frozenset({"device", "layout", "pin_memory"})  # keywords that a tensor to write to settles
COPIES = frozenset({"clone", "_to_copy"})
FILLED_WITH_ZEROS = frozenset({"zeros", "zeros_like", "new_zeros"})


@dataclass(frozen=True)
class Part:
    """A tensor on memory that the work made itself, and may have freed.

    Attributes:
        piece: which memory.
        dtype, shape, stride, offset: those of the tensor.
    """

    piece: int
    dtype: torch.dtype
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int


@dataclass(frozen=True)
class Operation:
    """One operation that computes. Its tensors on memory of the work's own are parts.

    Attributes:
        function: one of torch's operations, as it was dispatched; or anything else to run.
        arguments, keywords: what it was given.
        results: what it made; nothing if it wrote to tensors that it was given.
    """

    function: Any
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    results: list[Part]

    def parts(self) -> Iterable[Part]:
        """All that it reads or writes of the work's own memory."""
        leaves = tree_leaves((self.arguments, self.keywords, self.results))
        return [leaf for leaf in leaves if isinstance(leaf, Part)]


class Tape(TorchDispatchMode):  # type: ignore[no-untyped-call]  # of its base
    """Runs operations and keeps what they were. What they change outside can be undone.

    It keeps no memory that the work frees.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: list[Operation] = []
        self.sizes: list[int] = []  # bytes of each piece of memory that was made meanwhile
        # By the address of the storage: a weak reference keeps that, but not the memory.
        self._pieces: dict[int, tuple[StorageWeakRef, int]] = {}
        self._before: dict[int, tuple[Tensor, Tensor]] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """False: else torch loads its compiler, 77 MiB in 1.4 s, to tell it to leave this alone."""
        return False

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
        given = {_storage(tensor) for tensor in inputs}
        made = [tensor for tensor in results if _storage(tensor) not in given]
        for tensor in made:
            self._add_piece(tensor)
        if writes or made:  # else its results are views
            described = tree_map_only(Tensor, self.part, (args, kwargs, made))
            self.operations.append(Operation(func, *described))
        return outputs

    def part(self, tensor: Tensor) -> Tensor | Part:
        """What stands for a tensor; one from outside for itself."""
        known = self._pieces.get(_storage(tensor))
        if known is None:
            return tensor
        offset = int(tensor.storage_offset())
        return Part(known[1], tensor.dtype, tuple(tensor.shape), tensor.stride(), offset)

    def undo(self) -> None:
        """Give the tensors outside their values of before."""
        for tensor, values in self._before.values():
            tensor.copy_(values)

    def _add_piece(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        if _storage(tensor) not in self._pieces:
            # torch has no annotation for it
            kept = StorageWeakRef(storage)  # type: ignore[no-untyped-call]
            self._pieces[_storage(tensor)] = kept, len(self.sizes)
            self.sizes.append(storage.nbytes())

    def _remember(self, tensors: Iterable[Tensor]) -> None:
        for tensor in tensors:
            storage = _storage(tensor)
            if storage not in self._pieces and storage not in self._before:
                elements = tensor.untyped_storage().nbytes() // tensor.itemsize
                whole = tensor.as_strided((elements,), (1,), 0)
                self._before[storage] = (whole, whole.clone())


class Tapes:
    """Records work on a CPU.

    All recordings have the same memory, so they run one after the other, and what one leaves there
    lasts until the next.

    Args:
        most_memory: bytes of its own up to which work is recorded.
    """

    what = "a list of operations"
    exact = True
    expected = False  # ordinary steps are what one has without it

    def __init__(self, most_memory: int = MOST_MEMORY) -> None:
        self._most_memory = most_memory
        self._memory = torch.empty(0, dtype=torch.uint8)
        self._tape: Tape | None = None  # while it is recording

    def warm_up(self, work: Callable[[], Tensor]) -> Tensor:
        """Run ``work``."""
        return work()

    def record(self, work: Callable[[], Tensor]) -> Recording:
        """Record ``work``, whose effects are undone.

        Raises:
            TooLargeError: see there.
            RuntimeError: the work reads a number from a tensor, on which it could depend.
        """
        tape = self._tape = Tape()
        try:
            with tape:
                result = tape.part(work())
        finally:
            self._tape = None
            tape.undo()
        placed = _Placed(tape, result, self._most_memory, self._memory)
        self._memory = placed.memory
        calls = [placed.call(operation) for operation in tape.operations]
        program = Program([call for call in calls if call is not None])
        return Recording(placed.tensor(result), program)

    def aside(self, call: Callable[[], object]) -> object:
        """Run ``call``; each replay will run it at this place."""
        if self._tape is not None:
            self._tape.operations.append(Operation(call, (), {}, []))
        return call()


def memory_of(work: Callable[[], Tensor]) -> int:
    """Bytes that ``work`` needs for itself, 0 if it cannot be recorded; its effects are undone."""
    tape = Tape()
    try:
        with tape:
            work()
    except Exception:  # whatever a layer raises: it will again where it is used
        return 0
    finally:
        tape.undo()
    return plan([(tape.sizes[piece], *span) for piece, span in _spans(tape).items()])[1]


class _Placed:
    """The operations of a tape on planned memory.

    Attributes:
        memory: what was given, or more if that is too little.
    """

    def __init__(self, tape: Tape, result: Tensor | Part, most_memory: int, memory: Tensor) -> None:
        spans = _spans(tape)
        if isinstance(result, Part):  # read after all operations
            spans[result.piece] = (spans[result.piece][0], len(tape.operations))
        places, size = plan([(tape.sizes[piece], *span) for piece, span in spans.items()])
        if size > most_memory:
            raise TooLargeError(f"the step needs more than {most_memory} bytes")
        self._places = dict(zip(spans, places, strict=True))
        give_back_freed_memory()  # of the recorded step: this is what steps need from now on
        self.memory = memory if memory.nbytes >= size else memory.new_empty(size)

    def tensor(self, tensor: Tensor | Part) -> Tensor:
        """The part of planned memory; a tensor from outside as it is."""
        if isinstance(tensor, Tensor):
            return tensor
        start, size = self._places[tensor.piece]
        memory = self.memory[start : start + size].view(tensor.dtype)
        offset = memory.storage_offset() + tensor.offset
        return memory.as_strided(tensor.shape, tensor.stride, offset)

    def call(self, operation: Operation) -> Callable[[], object] | None:
        """What runs the operation again, None where there is nothing to do."""
        if not isinstance(operation.function, torch._ops.OpOverload):
            function: Callable[[], object] = operation.function
            return function
        arguments, keywords, results = tree_map_only(
            Part, self.tensor, (operation.arguments, operation.keywords, operation.results)
        )
        name = operation.function._schema.name.removeprefix("aten::")
        if not results:
            called = Call(name, arguments, keywords)
            known = hasattr(Tensor if name.endswith("_") else torch, name)
            return called if known else partial(operation.function, *arguments, **keywords)
        if name in UNFILLED:
            return None
        if name in FILLED_WITH_ZEROS:
            return Call("zero_", (results[0],), {})
        if name in COPIES:
            return Call("copy_", (results[0], arguments[0]), {})
        return _writing(name, arguments, keywords, results) or partial(
            _run_and_copy, operation.function, arguments, keywords, results
        )


def _writing(
    name: str, arguments: tuple[Any, ...], keywords: dict[str, Any], results: list[Tensor]
) -> Call | None:
    """The same operation with a tensor to write to, if torch has it; tried out."""
    if not hasattr(torch, name) or len(results) > 1:
        return None
    placed = {key: value for key, value in keywords.items() if key not in PLACE}
    call = Call(name, arguments, {**placed, "out": results[0]})
    try:
        call()
    except (TypeError, RuntimeError):
        return None
    return call


def _run_and_copy(
    function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], results: list[Tensor]
) -> None:
    outputs = function(*arguments, **keywords)
    found = [leaf for leaf in tree_leaves(outputs) if isinstance(leaf, Tensor)]
    for result, values in zip(results, found, strict=True):
        result.copy_(values)


def _spans(tape: Tape) -> dict[int, tuple[int, int]]:
    """For each piece of memory that is used the first and the last operation that has it."""
    spans: dict[int, tuple[int, int]] = {}
    for number, operation in enumerate(tape.operations):
        for part in operation.parts():
            spans[part.piece] = (spans.get(part.piece, (number, number))[0], number)
    return spans


def _storage(tensor: Tensor) -> int:
    """What tells storages apart while they exist, or a weak reference to them does."""
    address: int = tensor.untyped_storage()._cdata
    return address
