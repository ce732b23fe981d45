"""Where an export goes, and in which format. No torch: mistakes are known before it is imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from zoo import optional
from zoo.errors import UsageError
from zoo.files import require_folder

# Each format, and the endings that mean it.
ENDINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "torch": (".pt", ".pth"),
    "onnx": (".onnx",),
    "safetensors": (".safetensors",),
    "dtmodel": (".dtmodel",),
}
# The libraries that a format needs, and the optional part of zoo that they belong to.
LIBRARIES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "onnx": (("onnx", "onnx"), ("onnxruntime", "onnx")),
    "dtmodel": (("onnx", "onnx"), ("onnxruntime", "onnx")),
    "safetensors": (("safetensors", "safetensors"),),
}


@dataclass(frozen=True)
class Target:
    """What to write.

    Attributes:
        path: the file that the user named.
        format: a key of ``ENDINGS``.
        tile: height and width of the images of an ONNX file that takes only one size; None for one
            that takes any.
        overwrite: whether to replace what is there.
    """

    path: Path
    format: str
    tile: int | None = None
    overwrite: bool = False

    @property
    def source(self) -> Path:
        """The Python file beside a file of torch, with a name that can be imported."""
        name = "".join(char if char.isalnum() else "_" for char in self.path.stem)
        return self.path.with_name(f"{'_' * name[:1].isdigit()}{name}_model.py")

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that are written."""
        return (self.path, self.source) if self.format == "torch" else (self.path,)


def choose_target(path: Path, to: str | None, tile: int | None, overwrite: bool) -> Target:
    """The target that a command line names.

    Args:
        path: the file to write.
        to: the format; that of the file's ending if None.
        tile: see :class:`Target`; a file for darktable has 768 unless given.
        overwrite: see :class:`Target`.

    Raises:
        UsageError: the format is not known or takes no tile, the file is there or cannot be, or a
            library that the format needs is not installed.
    """
    target = Target(path, to or _format_of(path), tile, overwrite)
    if tile is not None and target.format not in ("onnx", "dtmodel"):
        raise UsageError(f"--tile {tile}: is not for {target.format}. Use it for onnx or dtmodel.")
    for file in target.files:
        require_writable(file, overwrite)
    for library, extra in LIBRARIES.get(target.format, ()):
        optional.load(library, extra)
    return target


def _format_of(path: Path) -> str:
    ending = path.suffix.lower()
    for name, endings in ENDINGS.items():
        if ending in endings:
            return name
    known = ", ".join(ending for endings in ENDINGS.values() for ending in endings)
    what = f"ends in {path.suffix}" if path.suffix else "has no ending"
    raise UsageError(f"{path}: {what}. Use {known}, or name the format with --to.")


def require_writable(path: Path, overwrite: bool) -> None:
    """Refuse a file that cannot be written, or that is there.

    Raises:
        UsageError: it is.
    """
    if path.is_dir():
        raise UsageError(f"{path}: is a folder. Name a file in it.")
    if not overwrite and (path.exists() or path.is_symlink()):
        raise UsageError(f"{path}: is there already. Use another name, or --overwrite.")
    require_folder(str(path), path)
