"""Passes recorded and run again on a CPU: a trace on planned memory, run without Python.

Torch's interpreter runs the operations of a trace (:mod:`zoo.engine.capture.torchscript`). All
memory that the step needs for itself is planned once (:mod:`zoo.engine.capture.memory_plan`).

Operations, their order and their operands are those of the ordinary step, so results are the same
bit for bit; :class:`zoo.engine.capture.graphed.GraphedCallable` compares them before it uses a
recording.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from zoo.engine.capture.private import HostReads, OpOverload, tree_leaves, tree_map_only
from zoo.engine.capture.recorder import Milestone, Recording, TooLargeError
from zoo.engine.capture.torchscript import AtenCall, Program
from zoo.engine.capture.trace import Operation, TensorRef, Trace, lifetimes, plan_trace
from zoo.engine.compiled.build import Kernel
from zoo.engine.compiled.call import BoundCall
from zoo.malloc import give_back_freed_memory

UNFILLED = frozenset({"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided"})
PLACEMENT = frozenset({"device", "layout", "pin_memory"})  # keywords that an out= tensor settles
COPIES = frozenset({"clone", "_to_copy"})
FILLED_WITH_ZEROS = frozenset({"zeros", "zeros_like", "new_zeros"})


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

    def record(self, work: Callable[[], Tensor], milestones: Sequence[Milestone] = ()) -> Recording:
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
        trace.call_at(milestones)
        planned = PlannedTrace(trace, result, self._max_bytes, self._memory)
        self._memory = planned.memory
        calls = [planned.call(operation) for operation in trace.operations]
        program = Program([call for call in calls if call is not None])
        return Recording(planned.tensor(result), program)

    def host_callback(self, call: Callable[[], object]) -> object:
        """Run ``call``; each replay will run it at this place."""
        if self._trace is not None:
            self._trace.operations.append(Operation(call, (), {}, []))
        return call()


class PlannedTrace:
    """The operations of a trace on planned memory.

    Attributes:
        memory: what was given, or more if that is too little.
    """

    def __init__(
        self, trace: Trace, result: Tensor | TensorRef, max_bytes: int, memory: Tensor
    ) -> None:
        spans = lifetimes(trace)
        if isinstance(result, TensorRef):  # read after all operations
            spans[result.storage] = (spans[result.storage][0], len(trace.operations))
        offsets, size = plan_trace(trace, spans)
        if size > max_bytes:
            raise TooLargeError(f"the step needs more than {max_bytes} bytes")
        self._offsets = dict(zip(spans, offsets, strict=True))
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
        function = operation.function
        if isinstance(function, Kernel):
            return BoundCall(function, tree_map_only(TensorRef, self.tensor, operation.arguments))
        if not isinstance(function, OpOverload):
            called: Callable[[], object] = function
            return called
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
