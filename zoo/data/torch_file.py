"""Reading what ``torch.save`` has written, of anybody: nothing in it is run, or taken on trust.

torch reads such a file without looking whether it is whole, and lets it ask for memory that it does
not have. So the file's parts are read here, compared with their checksums, and torch is given these
parts alone, in a new archive.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.files import read_regular
from zoo.limits import memory
from zoo.pickled import operations

# What a file may call: what makes tensors, and types. torch allows more, of which some take memory
# that the file does not have: bytearray(10**11), or a set, again and again, of the same long list.
CALLABLE = re.compile(
    r"collections OrderedDict"
    r"|torch\._utils _rebuild_\w+"
    r"|torch(\.storage)? \w+Storage"
    r"|torch\.serialization _get_layout"
    r"|torch\.nn\.parameter Parameter"
    r"|__builtin__ complex"
    r"|torch (device|q?u?int\d+|float\w+|bfloat16|complex\d+|bool|per_\w+)"
)
MOST_PICKLED = 2**25  # bytes of everything but tensors
SHARE = 4  # of the memory that may be used; the archive, a copy and the tensors are held at once

ARCHIVE = b"PK\x03\x04"  # how an archive begins
PICKLES = 5  # of a file before torch 1.6, in front of the tensors
END = b"PK\x05\x06"  # how the record at the end of an archive begins
END_SIZE = 22  # bytes of that record, without the archive's comment
MARK = b"zoo sha256 "
DIGITS = 64
SEAL_SIZE = len(MARK) + DIGITS


class TorchFileError(ValueError):
    """A file that cannot be used.

    The message says why, with a full stop; "" for a file that is damaged, or of another kind.
    """


def sealed(archive: bytes) -> bytes:
    """The archive that ``torch.save`` has written, with the checksum of all of it as its comment.

    Any byte of it that is changed, added or lost is noticed by :func:`load`.
    """
    whole = archive[:-2] + SEAL_SIZE.to_bytes(2, "little") + MARK
    return whole + hashlib.sha256(whole).hexdigest().encode()


def load(path: Path, *, legacy: bool = False) -> Any:
    """What an archive of ``torch.save`` holds, tensors on the CPU.

    Args:
        path: the file.
        legacy: whether it may be of the format before torch 1.6, which is no archive and has no
            checksums.

    Raises:
        TorchFileError: the file is damaged, asks for more than it holds, or is something else.
        OSError: it cannot be read, or is too large for the memory; ``strerror`` says why.
    """
    usable = memory().usable
    data = read_regular(path, most=usable // SHARE if usable else 2**40)
    try:
        parts = _plain_stream(data) if legacy and not data.startswith(ARCHIVE) else _parts(data)
        del data
        return torch.load(parts, map_location="cpu", weights_only=True)
    except TorchFileError:
        raise
    except Exception as error:  # zipfile and torch raise many types, depending on what is damaged
        raise TorchFileError from error


def is_whole(path: Path) -> bool:
    """Whether a file is what :func:`sealed` made of an archive, and unchanged."""
    try:
        data = read_regular(path, most=2**40)
        _check_seal(data)
    except (OSError, TorchFileError):
        return False
    return data.startswith(ARCHIVE)


def check_pickle(pickled: bytes | io.BytesIO) -> None:
    """Refuse a pickle that calls what no file of tensors needs.

    Raises:
        TorchFileError: it does.
        ValueError: it is no pickle.
    """
    for name, argument in operations(pickled):
        if name in ("GLOBAL", "INST") and not CALLABLE.fullmatch(str(argument)):
            raise TorchFileError(
                f"it calls {str(argument)[:80]!r}, which is neither a tensor nor a plain value."
            )


def has_own_memory(tensor: Tensor) -> bool:
    """Whether each value has a place of its own, and there are no others between them.

    A tensor that was expanded, or overlaps itself, has more values than memory.
    """
    expected = 1
    axes = zip(tensor.stride(), tensor.shape, strict=True)
    for stride, size in sorted(axes):
        if size != 1 and stride != expected:
            return tensor.numel() == 0
        expected *= size
    return True


def _check_seal(data: bytes) -> None:
    """Refuse an archive of another checksum, or that ends in something else than an archive."""
    if data[-END_SIZE:].startswith(END) and data.endswith(b"\0\0"):
        return  # no comment: written by torch itself, or before there were checksums
    end = data[-END_SIZE - SEAL_SIZE :]
    found = end[END_SIZE - 2 : -DIGITS] == SEAL_SIZE.to_bytes(2, "little") + MARK
    if not end.startswith(END) or not found:
        raise TorchFileError
    if hashlib.sha256(memoryview(data)[:-DIGITS]).hexdigest().encode() != data[-DIGITS:]:
        raise TorchFileError("damaged: its checksum is wrong.")


def _parts(data: bytes) -> io.BytesIO:
    """The files in an archive, each compared with its checksum, in a new archive.

    Archives of ``torch.save`` are not compressed, so one holds no more than its own size.
    """
    _check_seal(data)
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(written, "w") as parts:
        files = archive.infolist()
        names = {file.filename for file in files}
        if (
            any(file.compress_type != zipfile.ZIP_STORED for file in files)
            or sum(file.file_size for file in files) > len(data)
            or len(names) < len(files)
            or min((file.header_offset for file in files), default=0) > 0
        ):
            raise TorchFileError("its archive is not as torch.save writes it.")
        for file in files:
            content = _content(archive, file)
            if file.filename.endswith("/data.pkl"):
                if len(content) > MOST_PICKLED:
                    raise TorchFileError(f"it has {len(content):,} bytes beside its tensors.")
                check_pickle(content)
            parts.writestr(file.filename, content)
    written.seek(0)
    return written


def _plain_stream(data: bytes) -> io.BytesIO:
    """A file of the old format, of which the pickles are looked at."""
    stream = io.BytesIO(data)
    for _ in range(PICKLES):
        check_pickle(stream)
    stream.seek(0)
    return stream


def _content(archive: zipfile.ZipFile, file: zipfile.ZipInfo) -> bytes:
    try:
        return archive.read(file)
    except zipfile.BadZipFile as error:
        if "CRC" not in str(error):
            raise
        raise TorchFileError(f"damaged: the checksum of {file.filename} is wrong.") from error
