"""All that ``zoo doctor`` looks at, in its order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

from zoo.doctor import hardware, software
from zoo.doctor.report import Finding, Report, gather


def _self_check() -> Iterable[Finding]:
    from zoo.doctor.self_check import self_check  # imports torch, which may not be possible

    return self_check()


# The plugins come before what imports torch: it is told whether they import it themselves.
SECTIONS: Final[Mapping[str, Callable[[], Iterable[Finding]]]] = MappingProxyType(
    {
        "versions": software.versions,
        "system": hardware.system,
        "optional parts": software.optional,
        "plugins": software.plugins,
        "models": software.models,
        "devices": hardware.devices,
        "data": software.data,
        "variables": software.environment_variables,
        "self-check": _self_check,
    }
)


def examine() -> Report:
    """Look at everything; what fails is a finding."""
    return gather(SECTIONS, fatal=["self-check"])
