"""Writing an export: made and checked in a folder of its own, then moved to its place."""

from __future__ import annotations

import shutil
from pathlib import Path

from zoo.errors import WriteError
from zoo.export import dtmodel, onnx_file, safetensors_file, torch_file
from zoo.export.target import Target, require_writable
from zoo.export.trained import Trained
from zoo.files import flush, flush_folder
from zoo.temporary import reserved


def export(trained: Trained, target: Target) -> list[str]:
    """Write a trained network; each file is checked before it is there, and all are, or none.

    Returns:
        What there is to say of the files, a line each.

    Raises:
        ComparisonError: a file does not compute what the network does.
        UsageError: the network does not fit the format, or a file has come to be there.
        PluginError: a layer does not say how it is written.
        WriteError: a file cannot be written.
    """
    folder = target.path.parent
    try:
        with reserved(target.path, Path.mkdir) as temporary:
            made = [temporary / file.name for file in target.files]
            said = _write(trained, target, made)
            for file in made:
                _flush(file)
            _move(made, target)
        flush_folder(folder)
    except OSError as error:
        raise WriteError(f"{target.path}: cannot be written: {error.strerror or error}.") from error
    return said


def _write(trained: Trained, target: Target, files: list[Path]) -> list[str]:
    if target.format == "torch":
        return torch_file.write(trained, *files)
    (file,) = files
    if target.format == "safetensors":
        return safetensors_file.write(trained, file)
    write = onnx_file.write if target.format == "onnx" else dtmodel.write
    return write(trained, file, target.tile)


def _move(made: list[Path], target: Target) -> None:
    """Give the files their names; where one cannot have it, those before it are put back."""
    replaced: list[tuple[Path, Path | None]] = []
    try:
        for file, place in zip(made, target.files, strict=True):
            require_writable(place, target.overwrite)  # another program may have made it since
            old = file.with_name(f"old-{file.name}") if place.exists() else None
            if old is not None:
                shutil.copy2(place, old)
            file.replace(place)
            replaced.append((place, old))
    except BaseException:
        for place, old in replaced:
            place.unlink() if old is None else old.replace(place)
        raise


def _flush(file: Path) -> None:
    with file.open("r+b") as stream:
        flush(stream.fileno())
