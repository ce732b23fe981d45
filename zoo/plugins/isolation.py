"""Running a plugin's code: it may fail in any way, print, and change settings of the process."""

from __future__ import annotations

import locale
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any, Final

from zoo.errors import EscapeError

Handlers = dict[int, Any]

STREAMS = ("stdin", "stdout", "stderr")
NAMES = ("INT", "TERM", "HUP", "QUIT", "PIPE", "ALRM", "CHLD", "USR1", "USR2", "TSTP", "WINCH")
SIGNALS = tuple(getattr(signal, f"SIG{it}") for it in NAMES if hasattr(signal, f"SIG{it}"))


@contextmanager
def isolated() -> Iterator[None]:
    """Within ``with`` a plugin's code runs, such as an import, a hook or a constructor.

    What it prints goes to the standard error: the standard output is a command's result. Afterwards
    signal handlers, locale, filters of warnings, standard streams, working folder, torch's default
    dtype and the limit of recursion are as before. What else it changes in the process stays.

    Raises:
        EscapeError: it raised what is no ``Exception``, such as ``SystemExit`` or a panic of Rust,
            but for a ``KeyboardInterrupt``, which is the user's. An ``Exception`` passes.
    """
    streams = {name: getattr(sys, name) for name in STREAMS}
    before = [_value(read) for read, _ in SETTINGS]
    try:
        with warnings.catch_warnings(), redirect_stdout(streams["stderr"]):
            yield
    except (Exception, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise EscapeError(error) from error
    finally:
        for name, stream in streams.items():
            setattr(sys, name, stream)
        for (read, write), value in zip(SETTINGS, before, strict=True):
            if _value(read) != value:
                with suppress(Exception):  # a folder that is gone, a handler that is not Python's
                    write(value)


def _value(read: Callable[[], Any]) -> Any:
    """A setting; None where there is none, as of a working folder that is gone."""
    with suppress(Exception):
        return read()
    return None


def _locale() -> str:
    return locale.setlocale(locale.LC_ALL)


def _set_locale(value: str) -> None:
    locale.setlocale(locale.LC_ALL, value)


def _handlers() -> Handlers:
    return {number: signal.getsignal(number) for number in SIGNALS}


def _set_handlers(value: Handlers) -> None:
    if threading.current_thread() is threading.main_thread():  # only it can
        for number, handler in _handlers().items():
            if handler != value[number]:
                signal.signal(number, value[number])


def _dtype() -> Any:
    """torch's default; None where nobody has imported it."""
    torch: Any = sys.modules.get("torch")
    return None if torch is None else torch.get_default_dtype()


def _set_dtype(value: Any) -> None:
    torch: Any = sys.modules["torch"]
    torch.set_default_dtype(torch.float32 if value is None else value)


Setting = tuple[Callable[[], Any], Callable[[Any], object]]
SETTINGS: Final[tuple[Setting, ...]] = (
    (_handlers, _set_handlers),
    (_locale, _set_locale),
    (os.getcwd, os.chdir),
    (sys.getrecursionlimit, sys.setrecursionlimit),
    (_dtype, _set_dtype),
)
