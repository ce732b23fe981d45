"""A recorder for the CPU that does what CUDA graphs do: it keeps operations and addresses.

What is captured is a list of torch's operations with the tensors and numbers that they were given.
Replaying runs them again on the same memory, whatever Python would do by then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from zoo.train.graph import Recording


class Tape(TorchDispatchMode):
    """Runs operations and keeps them, to be run again."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[tuple[Any, tuple[Any, ...], dict[str, Any], list[Tensor]]] = []
        self.written: list[tuple[Tensor, Tensor]] = []  # what was changed, and its values before

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.ops.aten._local_scalar_dense.default:  # item(), bool(), tolist()
            raise RuntimeError("operation not permitted when stream is capturing")
        inputs = _tensors((args, kwargs))
        if func._schema.is_mutable:
            self.written += [(tensor, tensor.clone()) for tensor in inputs]
        outputs = func(*args, **kwargs)
        results = _tensors(outputs)
        memory = {tensor.untyped_storage().data_ptr() for tensor in inputs}
        views = {tensor.untyped_storage().data_ptr() for tensor in results} <= memory
        if func._schema.is_mutable:
            self.operations.append((func, args, kwargs, []))
        elif results and not views:  # a view needs no work
            self.operations.append((func, args, kwargs, results))
        return outputs

    def undo(self) -> None:
        """As if nothing had been executed."""
        for tensor, before in reversed(self.written):
            tensor.copy_(before)
        self.written.clear()

    def replay(self) -> None:
        for func, args, kwargs, results in self.operations:
            again = _tensors(func(*args, **kwargs))
            for result, values in zip(results, again if results else [], strict=True):
                result.copy_(values)


class TapeRecorder:
    """Counts what it is asked for."""

    def __init__(self) -> None:
        self.warm_ups = 0
        self.recorded: list[tuple[int, ...]] = []
        self.replays = 0

    def warm_up(self, work: Callable[[], Tensor]) -> Tensor:
        self.warm_ups += 1
        return work()

    def record(self, work: Callable[[], Tensor]) -> Recording:
        self.recorded.append(tuple(work.args[0].shape))  # type: ignore[attr-defined]  # a partial
        tape = Tape()
        try:
            with tape:
                result = work()
        finally:
            tape.undo()

        def replay() -> None:
            self.replays += 1
            tape.replay()

        return Recording(result, replay)


def _tensors(values: Any) -> list[Tensor]:
    return [value for value in tree_leaves(values) if isinstance(value, Tensor)]
