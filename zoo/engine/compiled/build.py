"""Compiles kernels for this processor, and keeps what was compiled for the next process."""

from __future__ import annotations

import hashlib
import inspect
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

_COMPILING = Lock()


@lru_cache(maxsize=1)
def lanes() -> int:
    """How many float32 a vector of this processor has; 0 where kernels are of no use."""
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        return 16
    return 8 if features.get("avx2") and features.get("fma") else 0


def problem() -> str:
    """Why there are no compiled kernels here, in one line; "" if there are.

    The first call compiles them. Ranks may ask at the same time: the others wait for it.
    """
    with _COMPILING:
        return _problem()


@lru_cache(maxsize=1)
def _problem() -> str:
    if os.environ.get("ZOO_COMPILED") == "0":
        return "ZOO_COMPILED is 0"
    if find_spec("numba") is None:
        return "numba is not installed: pip install 'zoo[fast]'"
    try:
        numba = _numba()
        if numba.config.CPU_NAME or numba.config.CPU_FEATURES or numba.config.DISABLE_JIT:
            return "numba is told to compile for another processor, or not at all"
        if not lanes():
            return "the processor has no vectors of 8 or 16 numbers"
        import zoo.engine.compiled.minimal_filtering  # noqa: F401  # compiles it
    except Exception as error:  # whatever a compiler raises
        lines = str(error).strip().splitlines() or [""]
        return f"{type(error).__name__}: {lines[0]}"
    return ""


@dataclass(frozen=True)
class Kernel:
    """A compiled kernel, which runs without Python's lock.

    Attributes:
        names: of its arguments.
        run: given the address of a table of int64 with a line of arguments for each call, and how
            many calls there are, makes them.
    """

    names: tuple[str, ...]
    run: Callable[[int, int], object]


def kernel(names: tuple[str, ...]) -> Callable[[Callable[..., None]], Kernel]:
    """Compile a function as a kernel with arguments of these names.

    What was compiled is kept in a folder of the user's, by the text of all kernels and by the
    processor, and is compiled again where that folder cannot be written.
    """
    return lambda function: Kernel(names, _compiled(function))


def argument_names(function: Any) -> tuple[str, ...]:
    """Those of an ``inlined`` function."""
    return tuple(inspect.signature(function.py_func).parameters)


def _compiled(function: Callable[..., None]) -> Any:
    numba = _numba()
    signature = numba.types.void(numba.types.int64, numba.types.int64)
    folder, before = _cache(), numba.config.CACHE_DIR
    options = {"nogil": True, "error_model": "numpy"}
    for _ in range(2 if folder else 0):
        numba.config.CACHE_DIR = folder
        try:
            return numba.njit([signature], cache=True, **options)(function)
        except Exception:  # what was kept cannot be read; or it cannot be compiled, as below
            _forget(Path(folder), function)
        finally:
            numba.config.CACHE_DIR = before
    return numba.njit([signature], **options)(function)


def _forget(folder: Path, function: Callable[..., None]) -> None:
    """Remove what is kept of a kernel."""
    module = function.__module__.rpartition(".")[2]
    for path in folder.glob(f"*/{module}.{function.__qualname__}-*"):
        with suppress(OSError):
            path.unlink()


def _numba() -> Any:
    """numba, imported without colorama, which it would let change ``sys.stdout``."""
    if "numba" in sys.modules:
        return sys.modules["numba"]
    before = sys.modules.get("colorama")
    sys.modules["colorama"] = None  # type: ignore[assignment]  # as import looks for it
    try:
        return import_module("numba")
    finally:
        del sys.modules["colorama"]
        if before is not None:
            sys.modules["colorama"] = before


def inlined(function: Callable[..., Any]) -> Any:
    """A part of a kernel, compiled with it."""
    numba = _numba()
    return numba.njit(nogil=True, error_model="numpy")(function)


@lru_cache(maxsize=1)
def _cache() -> str:
    """The folder in which compiled kernels are kept; "" if there is none that can be written."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    kept = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME")
    try:
        root = Path(kept) if kept else Path.home() / ".cache"
        folder = root / "zoo" / f"kernels-{digest.hexdigest()[:16]}"
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except (OSError, RuntimeError):  # also of a user who has no home
        return ""
    return str(folder)
