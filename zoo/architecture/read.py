"""Reading an architecture: parse the TOML, apply command-line changes, check, freeze."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tomli
import tomli_w

from zoo.architecture.check import check
from zoo.architecture.overrides import Override, apply_overrides
from zoo.architecture.spec import Architecture, build_spec
from zoo.errors import ArchitectureError, Problem
from zoo.registry import Registry


def read_architecture(
    path: str | Path, registry: Registry, overrides: Iterable[Override] = ()
) -> Architecture:
    """Read and check the architecture file at ``path``.

    Args:
        path: a TOML file; paths in it are relative to its folder.
        registry: what can be written in it.
        overrides: values that replace the file's before it is checked.

    Raises:
        ArchitectureError: the file cannot be read, is not TOML, or has mistakes; all of them.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8")
    except OSError as error:
        raise _unreadable(path, f"cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise _unreadable(path, "is not text in UTF-8. TOML files are.") from error
    return parse_architecture(text, registry, str(path), Path(path).parent, overrides)


def parse_architecture(
    text: str,
    registry: Registry,
    file: str,
    base: Path,
    overrides: Iterable[Override] = (),
) -> Architecture:
    """Check the architecture in ``text``; ``file`` and ``base`` as for ``check``.

    Raises:
        ArchitectureError: the text is not TOML, or has mistakes; all of them.
    """
    try:
        document = apply_overrides(_parse(text, file), overrides)
        resolved, problems = check(document, registry, file, base)
    except RecursionError:
        problems = [Problem(file, (), "is nested too deeply. An architecture has a few levels.")]
    if problems:
        raise ArchitectureError(problems)
    return build_spec(resolved, registry, file, tomli_w.dumps(resolved))


def _parse(text: str, file: str) -> Mapping[str, Any]:
    try:
        return tomli.loads(text.removeprefix("\ufeff"))
    except tomli.TOMLDecodeError as error:
        problem = Problem(file, (), f"{error.msg}.", error.lineno, error.colno)
        raise ArchitectureError([problem]) from error
    except ValueError as error:  # Python's limit for the digits of an integer
        problem = Problem(file, (), "has an integer of more than 64 bits. TOML's have 64.")
        raise ArchitectureError([problem]) from error


def _unreadable(path: str | Path, message: str) -> ArchitectureError:
    return ArchitectureError([Problem(str(path), (), message)])
