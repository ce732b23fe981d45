"""BMPs of every depth and header, written by the letter of the format."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO

import numpy as np
from PIL import Image

from tests.pictures.corpus.case import HEIGHT, WIDTH, Array, Case, random
from tests.pictures.corpus.tiff_bytes import pack

RGB, RLE8, RLE4, BITFIELDS, ALPHA_BITFIELDS = 0, 1, 2, 3, 6


def padded(rows: list[bytes]) -> bytes:
    return b"".join(row + b"\0" * (-len(row) % 4) for row in rows)


def bmp(
    rows: bytes,
    bits: int,
    *,
    compression: int = RGB,
    palette: Array | None = None,
    masks: tuple[int, ...] = (),
    header: int = 40,
    top_down: bool = False,
    size: tuple[int, int] = (HEIGHT, WIDTH),
    used: int | None = None,
) -> bytes:
    height, width = size
    colours = b""
    if palette is not None:
        colours = b"".join(
            bytes((b, g, r)) + (b"" if header == 12 else b"\0") for r, g, b in palette.tolist()
        )
    count = (len(palette) if palette is not None else 0) if used is None else used
    if header == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        info = struct.pack(
            "<IiiHHIIiiII",
            header,
            width,
            -height if top_down else height,
            1,
            bits,
            compression,
            len(rows),
            0,
            0,
            count,
            0,
        )
        fields = b"".join(struct.pack("<I", mask) for mask in masks)
        if header == 40:
            info += fields
        else:
            info += fields.ljust(16, b"\0") + b"BGRs"
            info = info.ljust(header, b"\0")
    start = 14 + len(info) + len(colours)
    return struct.pack("<2sIHHI", b"BM", start + len(rows), 0, 0, start) + info + colours + rows


def palettes() -> Iterator[Case]:
    grey = np.arange(256)[:, None].repeat(3, 1).astype(np.uint8)
    for bits in (1, 4, 8):
        values = random(HEIGHT, WIDTH, bits=bits)
        colours = random(2**bits, 3, seed=1)
        for name, palette in (
            ("colours", colours),
            ("grey", grey[:: 255 // (2**bits - 1)] if bits < 8 else grey),
            ("white is 0", grey[:: 255 // (2**bits - 1)][::-1] if bits < 8 else grey[::-1]),
        ):
            true = palette[values]
            true = true[..., 0] if (name, bits) in (("grey", 1), ("grey", 8)) else true
            lines = [pack(row[None], bits) for row in values]
            for header in (12, 40, 108, 124):
                yield Case(
                    f"{bits} bits, {name}, header {header}",
                    bmp(padded(lines[::-1]), bits, palette=palette, header=header),
                    (true,),
                )
            yield Case(
                f"{bits} bits, {name}, top down",
                bmp(padded(lines), bits, palette=palette, top_down=True),
                (true,),
            )
    few = random(HEIGHT, WIDTH, bits=4)
    palette = random(16, 3, seed=2)
    yield Case(
        "BMP 8 bits, 16 colours",
        bmp(padded([row.tobytes() for row in few[::-1]]), 8, palette=palette),
        (palette[few],),
    )


def rle() -> Iterator[Case]:
    values = np.repeat(random(HEIGHT, 11, bits=8), 2, axis=1)[:, :WIDTH]
    palette = random(256, 3, seed=1)
    data = b""
    for row in values[::-1]:
        for at in range(0, WIDTH, 2):
            run = row[at : at + 2]
            data += bytes((len(run), run[0]))
        data += b"\0\0"
    yield Case(
        "BMP RLE8", bmp(data + b"\0\1", 8, compression=RLE8, palette=palette), (palette[values],)
    )
    data = b""
    literal = random(HEIGHT, WIDTH)
    for row in literal[::-1]:
        data += bytes((0, WIDTH)) + row.tobytes() + b"\0" * (WIDTH % 2) + b"\0\0"
    yield Case(
        "BMP RLE8 literal",
        bmp(data + b"\0\1", 8, compression=RLE8, palette=palette),
        (palette[literal],),
    )
    nibbles = random(HEIGHT, WIDTH, bits=4)
    nibbles[:, 1::2] = nibbles[:, :-1:2][:, : nibbles[:, 1::2].shape[1]]
    small = random(16, 3, seed=1)
    data = b""
    for row in nibbles[::-1]:
        for at in range(0, WIDTH, 2):
            run = row[at : at + 2]
            data += bytes((len(run), int(run[0]) << 4 | int(run[0])))
        data += b"\0\0"
    yield Case(
        "BMP RLE4", bmp(data + b"\0\1", 4, compression=RLE4, palette=small), (small[nibbles],)
    )


def true_colours() -> Iterator[Case]:
    rgb = random(HEIGHT, WIDTH, 3)
    lines = [row[:, ::-1].tobytes() for row in rgb]
    for header in (12, 40, 108, 124):
        data = bmp(padded(lines[::-1]), 24, header=header)
        yield Case(f"24 bits, header {header}", data, (rgb,))
    yield Case("24 bits, top down", bmp(padded(lines), 24, top_down=True), (rgb,))
    for name, fourth in (("empty", np.zeros((HEIGHT, WIDTH, 1), "u1")), ("unused", rgb[..., :1])):
        data = bmp(np.dstack([rgb[..., ::-1], fourth])[::-1].tobytes(), 32)
        yield Case(f"32 bits, the fourth byte is {name}", data, (rgb,))
    values = np.dstack([rgb[..., ::-1], random(HEIGHT, WIDTH, seed=3)])[::-1].tobytes()
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    data = bmp(values, 32, compression=BITFIELDS, masks=masks, header=124)
    yield Case("32 bits with alpha", data, (rgb,))


def bit_fields() -> Iterator[Case]:
    """Masks of red, green and blue; those that Pillow does not take are refused."""
    for name, bits, masks, is_read in (
        ("BGRX", 32, (0xFF0000, 0xFF00, 0xFF), True),
        ("XBGR", 32, (0xFF000000, 0xFF0000, 0xFF00), True),
        ("RGBX", 32, (0xFF, 0xFF00, 0xFF0000), False),
        ("XRGB", 32, (0xFF00, 0xFF0000, 0xFF000000), False),
        ("of 10 bits", 32, (0x3FF00000, 0xFFC00, 0x3FF), False),
        ("555", 16, (0x7C00, 0x3E0, 0x1F), True),
        ("565", 16, (0xF800, 0x7E0, 0x1F), True),
        ("444", 16, (0xF00, 0xF0, 0xF), False),
    ):
        depths = [mask.bit_count() for mask in masks]
        parts = [random(HEIGHT, WIDTH, bits=depth, seed=depth) for depth in depths]
        words = np.zeros((HEIGHT, WIDTH), f"<u{bits // 8}")
        for part, mask in zip(parts, masks, strict=True):
            words |= part.astype(words.dtype) << ((mask & -mask).bit_length() - 1)
        body = padded([row.tobytes() for row in words[::-1]])
        levels = zip(parts, depths, strict=True)
        true = np.dstack([part.astype(float) * 255 / (2**depth - 1) for part, depth in levels])
        for header in (40, 108):
            data = bmp(body, bits, compression=BITFIELDS, masks=masks, header=header)
            if is_read:
                yield Case(f"{name}, header {header}", data, (true,), tolerance=1)
            else:
                refused = "a BMP of a kind that is not read (bitfields layout)."
                yield Case(f"{name}, header {header}", data, refused=refused)
        if name == "555":
            yield Case("16 bits", bmp(body, 16), (true,), tolerance=1)


def of_pillow() -> Iterator[Case]:
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        image = Image.fromarray(random(HEIGHT, WIDTH, 4)).convert(mode)
        stream = BytesIO()
        image.save(stream, "BMP")
        true = np.asarray(image.convert({"1": "L", "P": "RGB", "RGBA": "RGB"}.get(mode, mode)))
        yield Case(f"Pillow {mode}", stream.getvalue(), (true,))
        yield Case(f"Pillow {mode} with bytes after its end", stream.getvalue() + b"more", (true,))


def cases() -> list[Case]:
    """All of them."""
    return [*palettes(), *rle(), *true_colours(), *bit_fields(), *of_pillow()]
