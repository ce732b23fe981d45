"""The record of a run's images as two tensors of text, for checkpoints.

Of tables, each value is looked at before a file is read that may be anybody's: those of 300,000
images are 41 MB, which is more than such files may have, and take 14 seconds. A tensor is read as
it is, these in three. Its text has a line for each image: sha256, size and name, the last as in
JSON.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor


def packed(record: Mapping[str, Iterable[Mapping[str, str]]]) -> dict[str, Tensor]:
    """Each side of a record, as :meth:`.record.DataRecord.to_plain` gives it, as a tensor."""
    return {side: _tensor(items) for side, items in record.items()}


def unpacked(record: Any) -> Any:
    """What :func:`packed` was given; anything else as it is, such as the tables of older files."""
    try:
        return {side: list(_items(text)) for side, text in record.items()}
    except (AttributeError, TypeError, ValueError, RecursionError):
        return record


def _tensor(items: Iterable[Mapping[str, str]]) -> Tensor:
    lines = (f"{it['sha256']} {it['size']} {json.dumps(it['name'])}\n" for it in items)
    return torch.from_numpy(np.frombuffer("".join(lines).encode(), np.uint8).copy())


def _items(text: Tensor) -> Iterator[dict[str, str]]:
    """The tables of a tensor.

    Raises:
        AttributeError, TypeError, ValueError, RecursionError: it is none of :func:`packed`.
    """
    if text.dtype != torch.uint8 or text.ndim != 1:
        raise ValueError
    for line in io.BytesIO(text.contiguous().numpy().tobytes()):
        sha256, size, name = line.decode().split(" ", 2)
        yield {"name": json.loads(name), "size": sys.intern(size), "sha256": sha256}
