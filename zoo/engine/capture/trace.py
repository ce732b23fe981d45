"""A pass traced as a list of tensor operations, with what each reads and writes.

Of a step on small images Python takes the larger part: it walks through the layers and makes some
hundred views of tensors, the same in each step. A trace keeps what remains, the operations that
compute, with the tensors that they read and write; :mod:`zoo.engine.capture.cpu_recorder` runs them
again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from zoo.engine.capture.memory_plan import plan_memory
from zoo.engine.capture.private import (
    StorageWeakRef,
    TorchDispatchMode,
    storage_address,
    tree_leaves,
    tree_map_only,
    unobserved,
    unrepeatable,
)
from zoo.engine.capture.recorder import Milestone
from zoo.engine.compiled.build import Kernel
from zoo.engine.compiled.call import Parts, watched_by

if TYPE_CHECKING:
    from typing_extensions import Self


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
        function: one of torch's operations, as it was dispatched; a compiled kernel, which has
            arguments too; or anything else to run.
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
        self._latest: dict[int, int] = {}  # of memory outside, the last operation that writes to it
        self._watched = ExitStack()

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

    def __enter__(self) -> Self:
        self._watched.enter_context(watched_by(self))
        return super().__enter__()  # type: ignore[no-any-return,no-untyped-call]

    def __exit__(self, *error: Any) -> None:
        self._watched.close()
        super().__exit__(*error)  # type: ignore[no-untyped-call]

    def kernel_called(self, kernel: Kernel, parts: Parts, writes: Sequence[Tensor]) -> None:
        """Keep a call of a compiled kernel."""
        with unobserved():  # a copy for ``undo`` is none of the work's operations
            self._remember(writes)
        described = tree_map_only(Tensor, self.ref, tuple(map(tuple, parts)))
        self.operations.append(Operation(kernel, described, {}, []))

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

    def call_at(self, milestones: Iterable[Milestone]) -> None:
        """Have each called behind the last operation that writes to its tensors.

        One with a tensor that no operation writes to is not.
        """
        found: list[tuple[int, Operation]] = []
        for tensors, call in milestones:
            latest = [self._latest.get(storage_address(tensor), -1) for tensor in tensors]
            if min(latest) >= 0:
                found.append((max(latest) + 1, Operation(call, (), {}, [])))
        for position, operation in sorted(found, key=itemgetter(0), reverse=True):
            self.operations.insert(position, operation)

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
            if storage in self._storages:
                continue
            self._latest[storage] = len(self.operations)
            if storage not in self._before:
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
    return plan_trace(trace, lifetimes(trace))[1]


def lifetimes(trace: Trace) -> dict[int, tuple[int, int]]:
    """For each storage that is used the first and the last operation that has it."""
    spans: dict[int, tuple[int, int]] = {}
    for number, operation in enumerate(trace.operations):
        for ref in operation.refs():
            spans[ref.storage] = (spans.get(ref.storage, (number, number))[0], number)
    return spans


def plan_trace(
    trace: Trace, spans: dict[int, tuple[int, int]]
) -> tuple[list[tuple[int, int]], int]:
    """(offset, bytes) of each storage in one block of memory, and the bytes of the whole."""
    return plan_memory([(trace.sizes[storage], *span) for storage, span in spans.items()])
