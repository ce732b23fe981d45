"""A pass traced as a list of tensor operations, and run again, on a CPU.

Of a step on small images Python takes the larger ref: it walks through the layers and makes some
hundred views of tensors, the same in each step. A trace keeps what remains, the operations that
compute, with the tensors that they read and write, and torch's interpreter runs it
(:mod:`zoo.engine.capture.torchscript`). All memory that the step needs for itself is planned once
(:mod:`zoo.engine.capture.memory_plan`).

Operations, their order and their operands are those of the ordinary step, so results are the same
bit for bit; :class:`zoo.engine.capture.graphed.GraphedCallable` compares them before it uses a
recording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from zoo.engine.capture.memory_plan import plan_memory
from zoo.engine.capture.private import (
    HostReads,
    OpOverload,
    StorageWeakRef,
    TorchDispatchMode,
    storage_address,
    tree_leaves,
    tree_map_only,
    unrepeatable,
)
from zoo.engine.capture.recorder import Recording, TooLargeError
from zoo.engine.capture.torchscript import AtenCall, Program
from zoo.malloc import give_back_freed_memory

UNFILLED = frozenset({"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided"})
PLACEMENT = frozenset({"device", "layout", "pin_memory"})  # keywords that an out= tensor settles
COPIES = frozenset({"clone", "_to_copy"})
FILLED_WITH_ZEROS = frozenset({"zeros", "zeros_like", "new_zeros"})


@dataclass(frozen=True)
class TensorRef:
    """A tensor on memory that the work made itself, and may have freed.

    Attributes:
        storage: which memory.
        dtype, shape, stride, offset: those of the tensor.
    """

    storage: int
    dtype: torch.dtype
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int


@dataclass(frozen=True)
class Operation:
    """One operation that computes. Its tensors on memory of the work's own are refs.

    Attributes:
        function: one of torch's operations, as it was dispatched; or anything else to run.
        arguments, keywords: what it was given.
        results: what it made; nothing if it wrote to tensors that it was given.
    """

    function: Any
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    results: list[TensorRef]

    def refs(self) -> Iterable[TensorRef]:
        """All that it reads or writes of the work's own memory."""
        leaves = tree_leaves((self.arguments, self.keywords, self.results))
        return [leaf for leaf in leaves if isinstance(leaf, TensorRef)]


class Trace(TorchDispatchMode):  # type: ignore[no-untyped-call]  # of its base
    """Runs operations and keeps what they were. What they change outside can be undone.

    It keeps no memory that the work frees.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: list[Operation] = []
        self.sizes: list[int] = []  # bytes of each storage that was made meanwhile
        # By the address of the storage: a weak reference keeps that, but not the memory.
        self._storages: dict[int, tuple[StorageWeakRef, int]] = {}
        self._before: dict[int, tuple[Tensor, Tensor]] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """False: else torch loads its compiler, 77 MiB in 1.4 s, to tell it to leave this alone."""
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if problem := unrepeatable(func, args, kwargs):
            raise RuntimeError(problem)
        inputs = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        writes = func._schema.is_mutable
        if writes:
            self._remember(_written(func, args, kwargs))
        outputs = func(*args, **kwargs)
        results = [leaf for leaf in tree_leaves(outputs) if isinstance(leaf, Tensor)]
        given = {storage_address(tensor) for tensor in inputs}
        made = [tensor for tensor in results if storage_address(tensor) not in given]
        for tensor in made:
            self._add_storage(tensor)
        if writes or made:  # else its results are views
            described = tree_map_only(Tensor, self.ref, (args, kwargs, made))
            self.operations.append(Operation(func, *described))
        return outputs

    def ref(self, tensor: Tensor) -> Tensor | TensorRef:
        """What stands for a tensor; one from outside for itself."""
        known = self._storages.get(storage_address(tensor))
        if known is None:
            return tensor
        offset = int(tensor.storage_offset())
        return TensorRef(known[1], tensor.dtype, tuple(tensor.shape), tensor.stride(), offset)

    def undo(self) -> None:
        """Give the tensors outside their values of before."""
        for tensor, values in self._before.values():
            tensor.copy_(values)

    def _add_storage(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage_address(tensor) not in self._storages:
            # torch has no annotation for it
            kept = StorageWeakRef(storage)  # type: ignore[no-untyped-call]
            self._storages[storage_address(tensor)] = kept, len(self.sizes)
            self.sizes.append(storage.nbytes())

    def _remember(self, tensors: Iterable[Tensor]) -> None:
        for tensor in tensors:
            storage = storage_address(tensor)
            if storage not in self._storages and storage not in self._before:
                elements = tensor.untyped_storage().nbytes() // tensor.itemsize
                whole = tensor.as_strided((elements,), (1,), 0)
                self._before[storage] = (whole, whole.clone())


def _written(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Tensor]:
    """The tensors among its arguments that an operation writes to."""
    by_name = {argument.name: argument for argument in func._schema.arguments}
    named = [*zip(func._schema.arguments, args, strict=False)]  # the others have their defaults
    named += [(by_name[name], value) for name, value in kwargs.items()]
    written = [value for argument, value in named if argument.is_write]
    return [leaf for leaf in tree_leaves(written) if isinstance(leaf, Tensor)]


class CpuRecorder:
    """Records work on a CPU.

    All recordings have the same memory, so they run one after the other, and what one leaves there
    lasts until the next.

    Args:
        max_bytes: bytes of its own up to which work is recorded.
    """

    what = "a list of operations"
    exact = True
    expected = False  # ordinary steps are what one has without it

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._memory = torch.empty(0, dtype=torch.uint8)
        self._trace: Trace | None = None  # while it is recording

    def warm_up(self, work: Callable[[], Tensor]) -> Tensor:
        """Run ``work``."""
        return work()

    def record(self, work: Callable[[], Tensor]) -> Recording:
        """Record ``work``, whose effects are undone.

        Raises:
            TooLargeError: see there.
            RuntimeError: the work reads a number from a tensor, on which it could depend.
        """
        trace = self._trace = Trace()
        try:
            with trace, HostReads():
                result = trace.ref(work())
        finally:
            self._trace = None
            trace.undo()
        planned = _Planned(trace, result, self._max_bytes, self._memory)
        self._memory = planned.memory
        calls = [planned.call(operation) for operation in trace.operations]
        program = Program([call for call in calls if call is not None])
        return Recording(planned.tensor(result), program)

    def host_callback(self, call: Callable[[], object]) -> object:
        """Run ``call``; each replay will run it at this place."""
        if self._trace is not None:
            self._trace.operations.append(Operation(call, (), {}, []))
        return call()


def memory_of(work: Callable[[], Tensor]) -> int:
    """Bytes that ``work`` needs for itself, 0 if it cannot be recorded; its effects are undone."""
    trace = Trace()
    try:
        with trace:
            work()
    except Exception:  # whatever a layer raises: it will again where it is used
        return 0
    finally:
        trace.undo()
    return _plan(trace, _lifetimes(trace))[1]


class _Planned:
    """The operations of a trace on planned memory.

    Attributes:
        memory: what was given, or more if that is too little.
    """

    def __init__(
        self, trace: Trace, result: Tensor | TensorRef, max_bytes: int, memory: Tensor
    ) -> None:
        lifetimes = _lifetimes(trace)
        if isinstance(result, TensorRef):  # read after all operations
            lifetimes[result.storage] = (lifetimes[result.storage][0], len(trace.operations))
        offsets, size = _plan(trace, lifetimes)
        if size > max_bytes:
            raise TooLargeError(f"the step needs more than {max_bytes} bytes")
        self._offsets = dict(zip(lifetimes, offsets, strict=True))
        give_back_freed_memory()  # of the recorded step: this is what steps need from now on
        self.memory = memory if memory.nbytes >= size else memory.new_empty(size)

    def tensor(self, tensor: Tensor | TensorRef) -> Tensor:
        """A tensor on planned memory; one from outside as it is."""
        if isinstance(tensor, Tensor):
            return tensor
        start, size = self._offsets[tensor.storage]
        memory = self.memory[start : start + size].view(tensor.dtype)
        offset = memory.storage_offset() + tensor.offset
        return memory.as_strided(tensor.shape, tensor.stride, offset)

    def call(self, operation: Operation) -> Callable[[], object] | None:
        """What runs the operation again, None where there is nothing to do."""
        if not isinstance(operation.function, OpOverload):
            function: Callable[[], object] = operation.function
            return function
        arguments, keywords, results = tree_map_only(
            TensorRef, self.tensor, (operation.arguments, operation.keywords, operation.results)
        )
        name = operation.function._schema.name.removeprefix("aten::")
        if not results:
            called = AtenCall(name, arguments, keywords)
            known = hasattr(Tensor if name.endswith("_") else torch, name)
            return called if known else partial(operation.function, *arguments, **keywords)
        if name in UNFILLED:
            return None
        if name in FILLED_WITH_ZEROS:
            return AtenCall("zero_", (results[0],), {})
        if name in COPIES:
            return AtenCall("copy_", (results[0], arguments[0]), {})
        return _writing(name, arguments, keywords, results) or partial(
            _run_and_copy, operation.function, arguments, keywords, results
        )


def _writing(
    name: str, arguments: tuple[Any, ...], keywords: dict[str, Any], results: list[Tensor]
) -> AtenCall | None:
    """The same operation with a tensor to write to, if torch has it; tried out."""
    if not hasattr(torch, name) or len(results) > 1:
        return None
    planned = {key: value for key, value in keywords.items() if key not in PLACEMENT}
    call = AtenCall(name, arguments, {**planned, "out": results[0]})
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


def _lifetimes(trace: Trace) -> dict[int, tuple[int, int]]:
    """For each storage that is used the first and the last operation that has it."""
    lifetimes: dict[int, tuple[int, int]] = {}
    for number, operation in enumerate(trace.operations):
        for ref in operation.refs():
            lifetimes[ref.storage] = (lifetimes.get(ref.storage, (number, number))[0], number)
    return lifetimes


def _plan(trace: Trace, lifetimes: dict[int, tuple[int, int]]) -> tuple[list[tuple[int, int]], int]:
    """(offset, bytes) of each storage in one block of memory, and the bytes of the whole."""
    return plan_memory([(trace.sizes[storage], *span) for storage, span in lifetimes.items()])
