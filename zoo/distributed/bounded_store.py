"""A store whose answers are waited for so long and no longer.

That of ``torch.distributed`` waits for an answer as long as the system takes the connection for
one: a quarter of an hour where a link between two machines is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoAnswerError
from queue import SimpleQueue
from threading import Thread
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Store(Protocol):
    """What of a store of ``torch.distributed`` is used; whatever fails is a RuntimeError."""

    def set(self, key: str, value: str) -> None:
        """Keep a value."""

    def get(self, key: str) -> bytes:
        """The value of a key that is there."""

    def check(self, keys: list[str]) -> bool:
        """Whether all are there."""


class BoundedStore:
    """A store that is taken for lost once an answer has not come; it is asked nothing more then.

    Args:
        store: which is asked.
        seconds: that an answer has to come in.
    """

    def __init__(self, store: Store, seconds: float) -> None:
        self._store, self._seconds = store, seconds
        self._lost = False
        self._questions: SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = SimpleQueue()
        Thread(target=self._ask, name="zoo store", daemon=True).start()

    def set(self, key: str, value: str) -> None:
        """Keep a value."""
        self._answer(lambda: self._store.set(key, value))

    def get(self, key: str) -> bytes:
        """The value of a key that is there."""
        return self._answer(lambda: self._store.get(key))

    def check(self, keys: list[str]) -> bool:
        """Whether all are there."""
        return self._answer(lambda: self._store.check(keys))

    def _answer(self, ask: Callable[[], T]) -> T:
        """What the store says.

        Raises:
            RuntimeError: it says nothing, or what it raises.
        """
        if self._lost:
            raise RuntimeError("the store does not answer")
        answer: Future[T] = Future()
        self._questions.put((ask, answer))
        try:
            return answer.result(self._seconds)
        except NoAnswerError:
            self._lost = True
            raise RuntimeError("the store does not answer") from None

    def _ask(self) -> None:
        """Ask one after the other, on a thread that may wait for ever."""
        while True:
            ask, answer = self._questions.get()
            try:
                answer.set_result(ask())
            except Exception as error:
                answer.set_exception(error)
