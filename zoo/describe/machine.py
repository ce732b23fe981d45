"""The machine and the software that zoo runs on; no torch."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from packaging.requirements import Requirement

from zoo.plugins.distributions import find_installed
from zoo.version import VERSION

# What results depend on beside zoo, Python and torch.
LIBRARIES = ("numpy", "scikit-image", "pillow")
DEVELOPERS = ("docs", "test")  # extras that add nothing for users

VARIABLES = re.compile(
    r"(ZOO|OMP|GOMP|KMP|MKL|OPENBLAS|MALLOC|CUDA|NVIDIA|PYTORCH|TORCH|TRITON)_.*"
    r"|LD_PRELOAD|PYTHONPATH|PYTHONHOME|COLUMNS|NO_COLOR"
)


@dataclass(frozen=True)
class OptionalPart:
    """A distribution that zoo can use and does not need.

    Attributes:
        name: the distribution's.
        extra: of zoo, that installs it.
        version: the installed one's; None if it is missing.
    """

    name: str
    extra: str
    version: str | None


def library_versions() -> dict[str, str]:
    """Versions of zoo, Python and the libraries without torch, which knows its own build best.

    ``unknown`` for a library without metadata that can be read.
    """
    return {
        "zoo": VERSION,
        "python": platform.python_version(),
        **{name: installed_version(name) or "unknown" for name in LIBRARIES},
    }


def optional_parts() -> list[OptionalPart]:
    """What the extras of zoo's metadata add, those for developers left out."""
    parts: dict[str, OptionalPart] = {}
    own = find_installed("zoo", VERSION)
    for text in (own.requires if own else None) or ():
        requirement = Requirement(text)
        marker = requirement.marker
        match = re.search(r"extra == [\"']([^\"']+)", str(marker or ""))
        if marker and match and match[1] not in DEVELOPERS and marker.evaluate({"extra": match[1]}):
            part = OptionalPart(requirement.name, match[1], installed_version(requirement.name))
            parts.setdefault(requirement.name, part)
    return [parts[name] for name in sorted(parts)]


def installed_version(distribution: str) -> str | None:
    """The version of a distribution; None if it is not installed."""
    found = find_installed(distribution)
    return None if found is None else found.version


def cpu_name() -> str:
    """The processor's model, as the system knows it."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def process_limits() -> Iterator[tuple[str, int]]:
    """(what, how many bytes or pieces) of each limit that ``ulimit`` has set."""
    try:
        import resource
    except ImportError:  # Windows has none
        return
    for what, name in LIMITS.items():
        soft, _ = resource.getrlimit(getattr(resource, name))
        if soft != resource.RLIM_INFINITY:
            yield what, soft


LIMITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "address space, bytes": "RLIMIT_AS",
        "data, bytes": "RLIMIT_DATA",
        "file size, bytes": "RLIMIT_FSIZE",
        "open files": "RLIMIT_NOFILE",
    }
)


def variables(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment variables that change what zoo or torch do, the home folder shortened."""
    return {
        name: short_path(value)
        for name, value in sorted(environment.items())
        if VARIABLES.fullmatch(name)
    }


def short_path(text: str | Path) -> str:
    """Text in which the home folder, which often holds a person's name, is ``~``."""
    home = os.path.expanduser("~")  # noqa: PTH111 - Path.home() raises where there is none
    if len(home) < 2 or home == "~":
        return str(text)
    return re.sub(rf"{re.escape(home)}(?=$|[{re.escape(os.pathsep)}/\\])", "~", str(text))


def python_path() -> str:
    """Where this Python is."""
    return short_path(sys.executable)
