"""What the engine uses of torch that torch does not promise to keep: all of it stands here.

TorchScript is deprecated. Where a torch lacks it, or anything below it, :func:`script_problem` says
so, and recorded operations are run by Python: slower, with the same results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from threading import Lock
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves, tree_map_only

__all__ = [
    "HostReads",
    "OpOverload",
    "StorageWeakRef",
    "TorchDispatchMode",
    "compile_script",
    "script_problem",
    "storage_address",
    "tree_leaves",
    "tree_map_only",
    "unobserved",
    "unoptimized",
    "unrepeatable",
]

# Within it no ``TorchDispatchMode`` sees operations.
unobserved = _disable_current_modes


def storage_address(tensor: Tensor) -> int:
    """What tells storages apart while they exist, or a weak reference to them does."""
    address: int = tensor.untyped_storage()._cdata
    return address


def unrepeatable(func: Any, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> str:
    """Why an operation may do something else when it is run again; "" if it does the same.

    That is one that gives a number, or a tensor of a size that the values decide (of indexing only
    that by a mask), or that draws from a generator which a recording attempt would move on.
    """
    if keywords.get("generator") is not None:
        return "the step draws from a generator of its own"
    masks = (torch.bool, torch.uint8)
    if func is torch.ops.aten.index.Tensor:
        indices = [index for index in arguments[1] if index is not None]
        return "the step selects by a mask" if any(i.dtype in masks for i in indices) else ""
    tags = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
    return "the step reads a number from a tensor" if tags & set(func.tags) else ""


class HostReads(TorchFunctionMode):
    """Refuses what reads a tensor's numbers without an operation."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func in (Tensor.tolist, Tensor.numpy, Tensor.__array__):
            raise RuntimeError("the step reads a number from a tensor")
        return func(*args, **(kwargs or {}))


def compile_script(text: str, tensors: Sequence[Tensor]) -> Callable[[], object]:
    """The function ``run(tensors)`` of a TorchScript text, bound to a list of tensors.

    The list is the interpreter's own: one that Python has too would need Python's lock.
    """
    run = torch.jit.CompilationUnit(text).run
    return partial(run, torch._C.ScriptList(list(tensors)))


@lru_cache(maxsize=1)
def script_problem() -> str:
    """Why this torch cannot run TorchScript, in one line; "" if it can."""
    text = "def run(tensors: List[Tensor]) -> None:\n    tensors[0].add_(1)\n    return None\n"
    counter = torch.zeros(())
    try:
        run = compile_script(text, [counter])
        with unoptimized():
            run()
    except Exception as error:  # whatever a torch without it raises
        return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
    return "" if float(counter) == 1 else "TorchScript gives wrong results"


class _Optimizer:
    """Torch's switch of the optimiser of programs, one for all threads: the last gives it back."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0
        self._before = True

    @contextmanager
    def off(self) -> Iterator[None]:
        with self._lock:
            if not self._inside:
                self._before = torch._C._get_graph_executor_optimize()
                torch._C._set_graph_executor_optimize(False)
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    torch._C._set_graph_executor_optimize(self._before)


_OPTIMIZER = _Optimizer()


@contextmanager
def unoptimized() -> Iterator[None]:
    """Within it programs run as they are: optimising takes time, and would find nothing."""
    with _OPTIMIZER.off():
        yield
