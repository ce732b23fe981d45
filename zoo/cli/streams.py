"""The standard streams: what they cannot take is lost, and never decides about the work.

A reader that leaves (``zoo run ... | head``), a full disk and a terminal that is gone end no
command. At the end the exit code tells of it where the output was all that there was to get.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, TextIO, cast

import click

from zoo.cli.wrapping import wrapped
from zoo.errors import printable

SIGPIPE = 13  # the signal that ends a program whose output nobody reads; not in Windows' signal


class ClosedPipeError(Exception):
    """Nobody reads the picture that goes to the standard output."""


class Lossy(io.BufferedIOBase):
    """A stream that takes everything; what comes after its first failure is lost.

    Args:
        stream: where it goes.

    Attributes:
        stream: the same, whose failures are raised.
        lost: the failure; None while there was none.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.lost: OSError | None = None

    def write(self, data: Any) -> int:
        """Write bytes, or lose them."""
        if self.lost is None:
            try:
                self.stream.write(data)
            except OSError as error:
                self.lost = error
        return memoryview(data).nbytes

    def flush(self) -> None:
        """Flush what is not lost."""
        if self.lost is None:
            try:
                self.stream.flush()
            except OSError as error:
                self.lost = error

    def close(self) -> None:
        """Leave the stream open: it is another's."""

    def writable(self) -> bool:
        """It is."""
        return True

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self.stream.isatty()

    def fileno(self) -> int:
        """The descriptor."""
        return self.stream.fileno()


class Streams:
    """The standard output and the standard error of a command.

    Attributes:
        out, err: what commands print to; None where the stream was closed from the start.
        work_counts: whether the command does more than it prints: its output can be lost.
    """

    def __init__(self, out: TextIO | None, err: TextIO | None) -> None:
        self.out, self.err = out, err
        self.work_counts = False
        self._raises = False

    def reserve(self) -> None:
        """Keep the standard output for one document: all else that is printed is no part of it."""
        sys.stdout = self.err

    def picture_output(self) -> BinaryIO:
        """The standard output for bytes, the only stream whose failures are raised."""
        assert self.out is not None  # else the command has refused
        self._raises = True
        return getattr(self.out.buffer, "stream", self.out.buffer)

    def code(self) -> int:
        """The exit code for what was lost of the standard output: 0 where that does not matter."""
        if self.out is None or self._raises:
            return 0
        self.out.flush()
        lost = getattr(getattr(self.out, "buffer", None), "lost", None)
        if lost is None:
            return 0
        closed = isinstance(lost, BrokenPipeError)
        message = f"<stdout>: cannot be written: {lost.strerror or lost}."
        if self.work_counts:
            if not closed:
                click.echo(f"warning: {message} All else is done.", err=True)
            return 0
        if closed:
            return 128 + SIGPIPE
        click.echo(message, err=True)
        return 1


def say(line: str, err: bool = False) -> None:
    """Print a line, on a terminal broken at words.

    Names in it may have any characters, also such as a terminal would obey.
    """
    click.echo(wrapped(printable(line), sys.stderr if err else sys.stdout), err=err)


def say_lines(text: str, err: bool = False) -> None:
    """Print several lines, as :func:`say` does each."""
    for line in text.split("\n"):
        say(line, err)


def streams() -> Streams:
    """Those of the command that runs; plain ones outside of any."""
    context = click.get_current_context(silent=True)
    found = None if context is None else context.find_object(Streams)
    return found or Streams(sys.stdout, sys.stderr)


def work_counts() -> None:
    """Say that the command that runs does more than it prints, so that its output can be lost."""
    streams().work_counts = True


@contextmanager
def standard_streams() -> Iterator[Streams]:
    """Streams that can be lost, in the places of the standard ones.

    Descriptor 1 then leads to the standard error: what libraries and plugins print there is no part
    of a command's output. It stays so where the process ends with the command.
    """
    _occupy()
    before = sys.stdout, sys.stderr
    out, err = _lossy(before[0], 1), _lossy(before[1], 2)
    if _has_descriptor(before[0], 1):
        os.dup2(2, 1)
    sys.stdout, sys.stderr = out, err
    try:
        yield Streams(out, err)
    finally:
        for stream in filter(None, (out, err)):
            stream.flush()
        if not (_has_descriptor(before[0], 1) or _has_descriptor(before[1], 2)):
            sys.stdout, sys.stderr = before


def _occupy() -> None:
    """Open descriptors 0 to 2 where they are closed: a picture must not become one of them."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest that is free


def _lossy(stream: TextIO | None, number: int) -> TextIO | None:
    """The stream, without failures; what its encoding does not have is escaped.

    A file has a descriptor of its own, which nobody else knows.
    """
    buffer = getattr(stream, "buffer", None)
    if stream is None or buffer is None:  # None: one that is kept in memory as text
        return stream
    if _has_descriptor(stream, number):
        buffer = os.fdopen(os.dup(number), "wb")
    lossy = cast(BinaryIO, Lossy(buffer))
    return io.TextIOWrapper(lossy, stream.encoding, "backslashreplace", write_through=True)


def _has_descriptor(stream: TextIO | None, number: int) -> bool:
    with suppress(OSError, AttributeError, ValueError):  # of one that is no file, or is closed
        return stream is not None and stream.fileno() == number
    return False
