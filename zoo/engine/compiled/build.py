"""Compiles kernels for this processor, and keeps what was compiled for the next process."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any


@lru_cache(maxsize=1)
def lanes() -> int:
    """How many float32 a vector of this processor has; 0 where kernels are of no use."""
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        return 16
    return 8 if features.get("avx2") and features.get("fma") else 0


@lru_cache(maxsize=1)
def problem() -> str:
    """Why there are no compiled kernels here, in one line; "" if there are."""
    if os.environ.get("ZOO_COMPILED") == "0":
        return "ZOO_COMPILED is 0"
    if find_spec("numba") is None:
        return "numba is not installed: pip install 'zoo[fast]'"
    try:
        if not lanes():
            return "the processor has no vectors of 8 or 16 numbers"
        import zoo.engine.compiled.minimal_filtering  # noqa: F401  # compiles it
    except Exception as error:  # whatever a compiler raises
        lines = str(error).strip().splitlines() or [""]
        return f"{type(error).__name__}: {lines[0]}"
    return ""


def kernel(function: Callable[..., None]) -> Any:
    """Compile a kernel, whose arguments are integers where they are not said to be ``float``.

    It runs without Python's lock. What was compiled is kept in a folder of the user's, by the text
    of all kernels and by the processor, and is compiled again where that folder cannot be written.
    """
    import numba

    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    kinds = {"float": numba.types.float64}
    annotations = function.__annotations__
    given = [kinds.get(annotations.get(name, ""), numba.types.int64) for name in names]
    signature = numba.types.void(*given)
    folder, before = _cache(), numba.config.CACHE_DIR
    options = {"nogil": True, "error_model": "numpy"}
    if folder:
        numba.config.CACHE_DIR = folder
        try:
            return numba.njit([signature], cache=True, **options)(function)
        except Exception:  # what was kept cannot be read: compiled below, which may raise too
            pass
        finally:
            numba.config.CACHE_DIR = before
    return numba.njit([signature], **options)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """A part of a kernel, compiled with it."""
    import numba

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
