"""Every reader, given files that were damaged or forged at random: a good one, or one clear line.

``ZOO_FUZZ=20000`` tries as many of each instead of a few.
"""

from __future__ import annotations

import io
import os
import signal
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from tests.fuzz.mutations import mutated
from tests.tiny import TINY
from zoo.architecture import parse_architecture
from zoo.compiler import Compiler
from zoo.data.images import read_image
from zoo.data.sources.pickle_pairs import PicklePairs
from zoo.data.torch_file import sealed
from zoo.errors import ArchitectureError, CheckpointError, DataError, PluginError, ZooError
from zoo.plugins.discovery import discover
from zoo.plugins.registry import load_registry
from zoo.train.environment import versions
from zoo.train.providers import providers
from zoo.train.session import initial_model, load_trained

COUNT = int(os.environ.get("ZOO_FUZZ", "60"))
SECONDS = 20  # for one file, on a machine that is busy

REGISTRY = load_registry(discover({"ZOO_PLUGINS": ""}))


@contextmanager
def time_limit() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise AssertionError(f"not refused within {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def checkpoint() -> bytes:
    """A checkpoint for inference of a tiny network."""
    spec = parse_architecture(TINY, REGISTRY, "tiny.toml", Path())
    content = {
        "architecture": spec.text,
        "model": initial_model(Compiler(spec, REGISTRY), 0).state_dict(),
        "plugins": providers(spec, REGISTRY),
        "versions": versions(),
        "metrics": [],
    }
    stream = io.BytesIO()
    torch.save({"format": 1, **content}, stream)
    return sealed(stream.getvalue())


def pairs() -> bytes:
    stream = io.BytesIO()
    torch.save((torch.zeros(2, 3, 4, 4, dtype=torch.uint8),) * 2, stream)
    return stream.getvalue()


def old_pairs() -> bytes:
    stream = io.BytesIO()
    images = (torch.zeros(2, 3, 4, 4, dtype=torch.uint8),) * 2
    torch.save(images, stream, _use_new_zipfile_serialization=False)
    return stream.getvalue()


def picture(file_format: str) -> bytes:
    stream = io.BytesIO()
    pixels = np.random.default_rng(0).integers(256, size=(12, 9, 3), dtype=np.uint8)
    if file_format == "tiff":
        tifffile.imwrite(stream, pixels, photometric="rgb", compression="zlib", tile=(16, 16))
    else:
        Image.fromarray(pixels).save(stream, format=file_format)
    return stream.getvalue()


def repickled(archive: bytes, seed: int) -> bytes:
    """An archive whose pickle is changed, and every checksum right."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(stream, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            pickled = name.endswith("/data.pkl")
            new.writestr(name, mutated(content, seed) if pickled else content)
    return stream.getvalue()


def resealed(archive: bytes, seed: int) -> bytes:
    return sealed(repickled(archive, seed))


def load(path: Path) -> None:
    load_trained(path, REGISTRY)


def read_pairs(path: Path) -> None:
    PicklePairs(str(path), channels=3)


def read_picture(path: Path) -> None:
    read_image(path, 3)


def read_toml(path: Path) -> None:
    text = path.read_bytes().decode(errors="replace")
    parse_architecture(text, REGISTRY, str(path), path.parent)


Mutate = Callable[[bytes, int], bytes]
READERS: dict[str, tuple[bytes, Mutate, Callable[[Path], None], type[ZooError]]] = {
    "checkpoint": (checkpoint(), mutated, load, CheckpointError),
    "checkpoint_pickle": (checkpoint(), resealed, load, (CheckpointError, PluginError)),
    "pairs": (pairs(), mutated, read_pairs, DataError),
    "pairs_pickle": (pairs(), repickled, read_pairs, DataError),
    "pairs_before_1_6": (old_pairs(), mutated, read_pairs, DataError),
    "toml": (TINY.encode(), mutated, read_toml, ArchitectureError),
    **{
        name: (picture(name), mutated, read_picture, DataError)
        for name in ("png", "jpeg", "tiff", "bmp", "webp")
    },
}


@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_read_or_refused(name: str, tmp_path: Path) -> None:
    good, mutate, read, refusal = READERS[name]
    path = tmp_path / "x.file"
    path.write_bytes(good)
    read(path)
    refused = 0
    for seed in range(COUNT):
        path.write_bytes(mutate(good, seed))
        try:
            with time_limit(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of torch, about a file that is refused anyway
                read(path)
        except refusal as error:
            refused += 1
            lines = str(error).splitlines()
            assert all(line.isprintable() and len(line) < 2000 for line in lines), seed
            assert len(lines) == 1 or refusal is ArchitectureError, seed
            assert path.name in lines[0], seed
        except Exception as error:
            raise AssertionError(f"{name}, seed {seed}: {error!r}") from error
    assert refused > COUNT // 10  # else the changes are none


def test_a_checkpoint_notices_any_change(tmp_path: Path) -> None:
    good, path = checkpoint(), tmp_path / "x.pkl"
    changed = [
        good[:position] + bytes([good[position] ^ 1]) + good[position + 1 :]
        for position in [*range(0, len(good), 31), *range(len(good) - 200, len(good))]
    ]
    changed += [good[:length] for length in range(0, len(good), 61)]
    changed += [good + b"\0", good + good, b"\0" + good, good[1:], good[:-1]]
    for data in changed:
        path.write_bytes(data)
        with pytest.raises(CheckpointError):
            load(path)


def test_a_checkpoint_without_a_checksum_is_still_read(tmp_path: Path) -> None:
    path = tmp_path / "x.pkl"
    stream = io.BytesIO()
    torch.save(torch.load(io.BytesIO(checkpoint()), weights_only=True), stream)
    path.write_bytes(stream.getvalue())
    load(path)
    path.write_bytes(stream.getvalue() + b"\0")
    with pytest.raises(CheckpointError):
        load(path)


def compressed(archive: bytes) -> bytes:
    """The same files, of which one becomes large when it is read."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as old,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))
        with new.open("archive/data/99", "w") as large:
            for _ in range(64):
                large.write(bytes(2**20))
    return stream.getvalue()


def test_an_archive_that_becomes_larger_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.pkl"
    for archive, read, refusal in (
        (sealed(compressed(checkpoint())), load, CheckpointError),
        (compressed(pairs()), read_pairs, DataError),
    ):
        path.write_bytes(archive)
        with pytest.raises(refusal, match=r": its archive is not as torch\.save writes it\."):
            read(path)


def test_pairs_that_are_larger_than_their_file(tmp_path: Path) -> None:
    path = tmp_path / "x.pkl"
    one = torch.zeros(1, dtype=torch.uint8)
    torch.save((one.expand(10**6, 3, 64, 64),) * 2, path)
    assert path.stat().st_size < 3000
    with pytest.raises(DataError) as error:
        read_pairs(path)
    assert str(error.value).startswith(
        f"{path}: values of the first tensor share memory, or have gaps between them. "
    )
