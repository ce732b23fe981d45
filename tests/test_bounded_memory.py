"""Small files that ask for much memory are refused in a process that does not have it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

CHILD = """
import resource, sys, warnings
from pathlib import Path
from zoo.architecture import parse_architecture
from zoo.data.images import read_image
from zoo.data.sources.pickle_pairs import PicklePairs
from zoo.errors import ZooError
from zoo.plugins.discovery import discover
from zoo.plugins.registry import load_registry
from zoo.train.checkpoint import load_checkpoint

warnings.simplefilter("ignore")
registry = load_registry(discover({"ZOO_PLUGINS": ""}))
good, kind, file = sys.argv[1:]
readers = {
    "checkpoint": load_checkpoint,
    "pairs": lambda path: PicklePairs(str(path), 3),
    "picture": lambda path: read_image(path, 3),
    "toml": lambda path: parse_architecture(path.read_text(), registry, str(path), path.parent),
}
read_image(Path(good), 3)  # everything that is imported late
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + 400 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    readers[kind](Path(file))
except ZooError as error:
    print(type(error).__name__, str(error).splitlines()[0])
"""


def compressed(path: Path) -> None:
    """An archive of 512 MiB of zeros."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}.")
        with archive.open("archive/data/0", "w", force_zip64=True) as part:
            for _ in range(512):
                part.write(bytes(2**20))


def expanded(path: Path) -> None:
    """Tensors of 12 GB in a file of 2 kB."""
    images = torch.zeros(1, dtype=torch.uint8).expand(10**6, 3, 64, 64)
    torch.save((images, images), path)


def called(path: Path) -> None:
    """A pickle that makes an array of 2 GiB."""
    with zipfile.ZipFile(path, "w") as archive:
        call = b"\x80\x02c__builtin__\nbytearray\nJ\x00\x00\x00\x7f\x85R."
        archive.writestr("archive/data.pkl", call)
        archive.writestr("archive/version", b"3\n")


def huge_png(path: Path) -> None:
    header = bytearray(png_of_one_pixel())
    header[16:24] = (60_000).to_bytes(4, "big") * 2
    path.write_bytes(header)


def png_of_one_pixel() -> bytes:
    import imagecodecs

    encoded: bytes = imagecodecs.png_encode(np.zeros((1, 1), np.uint8))
    return encoded


def dotted(path: Path) -> None:
    path.write_text("a." * 400_000 + "a = 1")


FILES: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "compressed_checkpoint": ("checkpoint", compressed, "CheckpointError"),
    "compressed_pairs": ("pairs", compressed, "DataError"),
    "expanded_pairs": ("pairs", expanded, "DataError"),
    "called_checkpoint": ("checkpoint", called, "CheckpointError"),
    "called_pairs": ("pairs", called, "DataError"),
    "huge_picture": ("picture", huge_png, "DataError"),
    "dotted_key": ("toml", dotted, "ArchitectureError"),
}
SOME = ("compressed_checkpoint", "called_pairs", "dotted_key")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc tells of memory")
@pytest.mark.parametrize("name", SOME)
def test_a_file_that_asks_for_memory(name: str, tmp_path: Path) -> None:
    check(name, tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc tells of memory")
@pytest.mark.parametrize("name", sorted(set(FILES) - set(SOME)))
def test_other_files_that_ask_for_memory(name: str, tmp_path: Path) -> None:
    check(name, tmp_path)


def check(name: str, folder: Path) -> None:
    kind, make, error = FILES[name]
    good, path = folder / "good.png", folder / "x.file"
    good.write_bytes(png_of_one_pixel())
    make(path)
    result = subprocess.run(
        [sys.executable, "-c", CHILD, str(good), kind, str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f"{error} {path}: ")
    assert "this machine's memory" not in result.stdout  # it was not even tried
