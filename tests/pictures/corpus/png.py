"""PNGs of every colour type, depth and order, encoded with zlib by the letter of the standard."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO

import numpy as np
from PIL import Image

from tests.pictures.corpus.behind import BEHIND
from tests.pictures.corpus.case import HEIGHT, WIDTH, Array, Case, as_read, random
from tests.pictures.corpus.tiff_bytes import pack

SIGNATURE = b"\x89PNG\r\n\x1a\n"
TYPES = {
    0: (1, (1, 2, 4, 8, 16)),
    2: (3, (8, 16)),
    3: (1, (1, 2, 4, 8)),
    4: (2, (8, 16)),
    6: (4, (8, 16)),
}
PASSES = (
    (0, 0, 8, 8),
    (0, 4, 8, 8),
    (4, 0, 8, 4),
    (0, 2, 4, 4),
    (2, 0, 4, 2),
    (0, 1, 2, 2),
    (1, 0, 2, 1),
)  # Adam7: row, column, steps


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def rows(values: Array, bits: int) -> bytes:
    """Rows of packed samples, each behind its filter's number, 0."""
    return b"".join(b"\0" + pack(values[top : top + 1], bits, ">") for top in range(len(values)))


def encode(
    values: Array,
    bits: int,
    colour_type: int,
    *,
    interlaced: bool = False,
    before: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """A PNG of (H, W) or (H, W, S) samples with more chunks before and after its pixels."""
    height, width = values.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, interlaced)
    parts = (
        [values[top::down, left::across] for top, left, down, across in PASSES]
        if interlaced
        else [values]
    )
    pixels = b"".join(rows(part, bits) for part in parts if part.size)
    return b"".join(
        (
            SIGNATURE,
            chunk(b"IHDR", header),
            before,
            chunk(b"IDAT", zlib.compress(pixels)),
            after,
            chunk(b"IEND"),
        )
    )


def all_types() -> Iterator[Case]:
    for colour_type, (samples, depths) in TYPES.items():
        for bits in depths:
            for interlaced in (False, True):
                shape = (HEIGHT, WIDTH) if samples == 1 else (HEIGHT, WIDTH, samples)
                values = random(*shape, bits=bits)
                palette = random(2**bits, 3, seed=1) if colour_type == 3 else random(1, 3)
                chunks = chunk(b"PLTE", palette.tobytes()) if colour_type == 3 else b""
                if colour_type == 3:
                    true = palette[values]
                elif colour_type == 4:
                    true = values[..., 0]
                else:
                    true = as_read(values if samples < 4 else values[..., :3], bits)
                white = 65535 if bits == 16 else 255
                name = f"{colour_type} {bits} bits{' interlaced' * interlaced}"
                yield Case(
                    name,
                    encode(values, bits, colour_type, interlaced=interlaced, before=chunks),
                    (true,),
                    white,
                )
                if colour_type in (0, 2, 3):
                    trns = (
                        struct.pack(">H", 1)
                        if colour_type == 0
                        else bytes(range(2**bits))
                        if colour_type == 3
                        else struct.pack(">HHH", *values.reshape(-1, 3)[5])
                    )
                    yield Case(
                        f"{name} transparent",
                        encode(
                            values,
                            bits,
                            colour_type,
                            interlaced=interlaced,
                            before=chunks + chunk(b"tRNS", trns),
                        ),
                        (true,),
                        white,
                    )
                if colour_type == 3:
                    yield Case(
                        f"{name} short transparency",
                        encode(
                            values,
                            bits,
                            colour_type,
                            interlaced=interlaced,
                            before=chunks + chunk(b"tRNS", b"\0"),
                        ),
                        (true,),
                        white,
                    )


def beside() -> Iterator[Case]:
    """Chunks that say how values are shown, which are no other values."""
    rgb, grey = random(HEIGHT, WIDTH, 3), random(HEIGHT, WIDTH, bits=16)
    gamma = chunk(b"gAMA", struct.pack(">I", 100000))
    more = {
        "gAMA": gamma,
        "gAMA 2.2": chunk(b"gAMA", struct.pack(">I", 45455)),
        "cHRM": gamma
        + chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)),
        "sRGB": chunk(b"sRGB", b"\0"),
        "sBIT": chunk(b"sBIT", b"\5\6\5"),
        "bKGD": chunk(b"bKGD", struct.pack(">HHH", 1, 2, 3)),
        "PLTE suggested": chunk(b"PLTE", bytes(30)),
        "cICP": chunk(b"cICP", bytes((9, 16, 0, 1))),
        "tRNS in the wrong place": chunk(b"tRNS", struct.pack(">HHH", 300, 2, 3)),
    }
    for name, chunks in more.items():
        yield Case(f"with {name}", encode(rgb, 8, 2, before=chunks), (rgb,))
        yield Case(f"with {name} after", encode(rgb, 8, 2, after=chunks), (rgb,))
    twelve = random(HEIGHT, WIDTH, bits=12).astype("u2")
    full = (twelve << 4) | (twelve >> 8)
    yield Case(
        "PNG of 12 significant bits",
        encode(full, 16, 0, before=chunk(b"sBIT", b"\x0c")),
        (full,),
        65535,
    )
    yield Case(
        "PNG grey with sBIT and gamma",
        encode(grey, 16, 0, before=gamma + chunk(b"sBIT", b"\x10")),
        (grey,),
        65535,
    )
    for bits in (1, 2, 4):
        values = random(HEIGHT, WIDTH, bits=bits)
        yield Case(
            f"sBIT {bits}",
            encode(values, bits, 0, before=chunk(b"sBIT", bytes((bits,)))),
            (as_read(values, bits),),
        )
    plain = encode(rgb, 8, 2)
    for name, more in {**BEHIND, "another": plain}.items():
        remark = f"{len(more)} bytes after the picture are left out" if name != "zeros" else ""
        yield Case(f"with {name} behind it", plain + more, (rgb,), remark=remark)
    stream = BytesIO()
    frames = [Image.fromarray(random(HEIGHT, WIDTH, 3, seed=n)) for n in range(3)]
    frames[0].save(stream, "PNG", save_all=True, append_images=frames[1:])
    yield Case(
        "APNG",
        stream.getvalue(),
        (random(HEIGHT, WIDTH, 3),),
        remark="only the first picture of its animation is kept",
    )
    stream = BytesIO()
    frames[0].save(stream, "PNG", save_all=True, append_images=frames[1:], default_image=True)
    yield Case(
        "APNG with a picture that is not in it",
        stream.getvalue(),
        (random(HEIGHT, WIDTH, 3),),
        remark="only the first picture of its animation is kept",
    )
    parts = zlib.compress(rows(rgb, 8))
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    split = b"".join(chunk(b"IDAT", parts[at : at + 7]) for at in range(0, len(parts), 7))
    yield Case(
        "PNG in many IDAT", SIGNATURE + chunk(b"IHDR", header) + split + chunk(b"IEND"), (rgb,)
    )


def filters() -> Iterator[Case]:
    for mode in ("L", "RGB", "RGBA", "LA", "I;16", "1", "P"):
        values = random(64, 64, 3)
        image = (
            Image.fromarray(random(64, 64, bits=16))
            if mode == "I;16"
            else Image.fromarray(values).convert(mode)
        )
        for level in (0, 9):
            stream = BytesIO()
            image.save(stream, "PNG", compress_level=level, optimize=level == 9)
            true = np.asarray(
                image.convert({"1": "L", "P": "RGB", "LA": "L", "RGBA": "RGB"}.get(mode, mode))
            )
            yield Case(
                f"Pillow {mode} {level}",
                stream.getvalue(),
                (true,),
                65535 if mode == "I;16" else 255,
            )


def cases() -> list[Case]:
    """All of them."""
    return [*all_types(), *beside(), *filters()]
