"""Files that were damaged or forged: random changes of good ones, the same for each seed."""

from __future__ import annotations

import random

EDGES = (b"\0", b"\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\0")


def mutated(data: bytes, seed: int) -> bytes:
    """One to eight changes of a file: bits, numbers, and parts that are lost, doubled or moved."""
    draws = random.Random(seed)
    result = bytearray(data)
    for _ in range(draws.choice((1, 1, 2, 4, 8))):
        at = draws.randrange(len(result) + 1)
        length = min(draws.choice((1, 2, 4, 16, 256)), len(result) - at)
        part = result[at : at + length]
        kind = draws.randrange(7)
        if kind == 0 and length:
            result[at] ^= 1 << draws.randrange(8)
        elif kind == 1:
            result[at : at + length] = draws.randbytes(length)
        elif kind == 2:
            edge = draws.choice(EDGES)
            result[at : at + len(edge)] = edge
        elif kind == 3:
            del result[at : at + length]
        elif kind == 4:
            result[at:at] = part * draws.choice((1, 2, 50))
        elif kind == 5:
            other = draws.randrange(len(result) + 1)
            result[other:other] = part
        elif draws.random() < 0.2:
            del result[at:]
    return bytes(result)
