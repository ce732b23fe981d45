"""What ``diverged.pkl`` says in words: its numbers and texts, without torch and without its code.

A checkpoint is a ZIP file with a pickle in it. Of this only plain values are made: whatever else it
names becomes something inert, and tensors are left where they are.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zipfile import ZipFile

from zoo.files import open_regular
from zoo.pickled import operations
from zoo.report.plain import at, count, items, number, text

MOST_BYTES = 2**20  # of the pickle, which has the architecture and the names of tensors
PROTOCOL = 2  # what torch writes
PROTOCOL_OF: Mapping[str, int] = MappingProxyType({it.name: it.proto for it in pickletools.opcodes})


@dataclass(frozen=True)
class Diverged:
    """The step in which a run stopped being finite; where that cannot be read, all is 0 or ""."""

    step: int = 0
    epoch: int = 0
    lr: float = 0.0
    layer: str = ""
    what: str = ""
    cause: str = ""

    @property
    def blames_data(self) -> bool:
        """Whether the batch itself was not finite, so that another learning rate is of no use."""
        return self.what in ("input", "target")

    @property
    def sentence(self) -> str:
        """When, where and why, as far as it is known."""
        if not self.step:
            return "The run diverged: see diverged.pkl."
        where = f"layer {self.layer}: its {self.what}" if self.layer else f"the {self.what}"
        when = f"at step {self.step:,} (epoch {self.epoch}, lr {self.lr:.3g})"
        return (
            f"The run diverged {when}: {where} is not finite, the first that is not. {self.cause}"
        )


def read_diverged(path: Path) -> Diverged | None:
    """What the file says; None where there is none."""
    if not path.exists():
        return None
    try:
        with open_regular(path) as stream, ZipFile(stream) as archive:
            (name,) = [it for it in archive.namelist() if it.endswith("/data.pkl")]
            with archive.open(name) as member:
                content = member.read(MOST_BYTES + 1)
        found = at(_plain(content), "diverged")
    except Exception:  # whatever a damaged file raises
        return Diverged()
    if not isinstance(found, dict):
        return Diverged()
    layers = [it for it in items(found.get("layers"), 1000) if isinstance(it, dict)]
    name = text(found.get("layer"), 60)
    kind = next((text(it.get("type"), 60) for it in layers if it.get("name") == name), "")
    return Diverged(
        count(found.get("step")),
        count(found.get("epoch")),
        number(found.get("lr")),
        f"{name} ({kind})" if name and kind else name,
        text(found.get("what"), 60) or "step",
        text(found.get("cause"), 1000),
    )


def _plain(content: bytes) -> Mapping[str, Any]:
    """The plain values of a pickle.

    Raises:
        Exception: of any kind; it is too large, or none that torch has written.
    """
    if len(content) > MOST_BYTES:
        raise ValueError("too large")
    for name, argument in operations(content):
        far = "PUT" in name and isinstance(argument, int) and argument > len(content)
        if PROTOCOL_OF[name] > PROTOCOL or far:  # which could ask for any amount of memory
            raise ValueError(name)
    found: Mapping[str, Any] = _InertUnpickler(io.BytesIO(content)).load()
    return found


class _Inert:
    """Stands for whatever is no plain value; takes everything and does nothing."""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass

    def __setitem__(self, _: object, __: object) -> None:
        pass


class _InertUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        return _Inert

    def persistent_load(self, _: object) -> Any:
        return _Inert()
