"""Counts what torch is asked to do: operations, matrix products, memory. No time is measured."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from zoo.engine.compiled.build import Kernel
from zoo.engine.compiled.call import Parts, watched_by

if TYPE_CHECKING:
    from typing_extensions import Self

# Where a product's two factors are among its arguments.
FACTORS: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {"mm": (0, 1), "bmm": (0, 1), "addmm": (1, 2), "baddbmm": (1, 2), "addbmm": (1, 2)}
)


class Counter(TorchDispatchMode):
    """Counts while it is entered.

    Attributes:
        operations: calls of torch's operators, views among them.
        products: how many of them are matrix products, and calls of compiled kernels.
        flop: the products' floating-point operations, two for each multiply-add; of a kernel those
            of the definition of what it computes, with the outputs that its tiles have too many.
        allocated: bytes of new tensors.
        live: bytes of the tensors that were made in here and are still there.
        peak: the most that ``live`` has been.
    """

    def __init__(self) -> None:
        super().__init__()
        self.live = 0
        self._alive: dict[int, weakref.ref[Any]] = {}
        self._watched = ExitStack()
        self.start()

    def start(self) -> None:
        """Count from here on; what is alive stays so."""
        self.operations = self.products = self.flop = self.allocated = 0
        self.peak = self.live

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        given = set(map(_key, _tensors((args, kwargs))))
        result = func(*args, **kwargs)
        self.operations += 1
        name = func._schema.name.partition("::")[2].rstrip("_")
        if name in FACTORS:
            left, right = (args[place] for place in FACTORS[name])
            self.products += 1
            self.flop += 2 * left.numel() * right.shape[-1]
        for tensor in _tensors(result):
            if _key(tensor) not in given:
                self._notice(tensor)
        return result

    def __enter__(self) -> Self:
        self._watched.enter_context(watched_by(self))
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        self._watched.close()
        super().__exit__(*error)

    def kernel_called(self, kernel: Kernel, parts: Parts, writes: Sequence[Tensor]) -> None:
        """Count a call of a compiled kernel."""
        from zoo.engine.compiled.minimal_filtering import convolve, tiles_of_image

        self.products += 1
        for arguments in parts:
            given = dict(zip(kernel.names, arguments, strict=True))
            if kernel is convolve:
                tiles = given["last_tile"] - given["first_tile"]
            else:
                size = given["dy_height"], given["dy_width"]
                tiles = given["images"] * tiles_of_image(given["side"], *size)
            products = (given["side"] * given["taps"]) ** 2  # of a tile by definition
            self.flop += 2 * tiles * products * given["inputs"] * given["outputs"]

    def _notice(self, tensor: Tensor) -> None:
        """Count the memory of a new tensor until it is freed."""
        storage = tensor.untyped_storage()
        key, size = _key(tensor), storage.nbytes()

        def freed(_: object) -> None:
            del self._alive[key]
            self.live -= size

        self._alive[key] = weakref.ref(storage, freed)
        self.allocated += size
        self.live += size
        self.peak = max(self.peak, self.live)


def _tensors(values: object) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]


def _key(tensor: Tensor) -> int:
    """Which memory a tensor lies in: a view has that of the tensor that it shows."""
    key: int = tensor.untyped_storage()._cdata
    return key
