"""TIFFs of every depth, colour and order of samples, without compression."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tests.pictures.corpus.case import HEIGHT, WIDTH, Array, Case, as_read, random, white_of
from tests.pictures.corpus.tiff_bytes import pack, tags_of, tiff

MIN_IS_WHITE, MIN_IS_BLACK, RGB, PALETTE = 0, 1, 2, 3
ORDERS = "<>"


def grey_and_rgb() -> Iterator[Case]:
    """Each number of bits, both byte orders, both orders of bits, black or white at 0."""
    for bits in range(1, 17):
        for order in ORDERS:
            for fill_order in (1, 2) if bits < 16 else (1,):
                for photometric, channels in ((0, 1), (1, 1), (2, 3)):
                    shape = (HEIGHT, WIDTH, channels)[: 2 if channels == 1 else 3]
                    stored = random(*shape, bits=bits)
                    true = 2**bits - 1 - stored if photometric == 0 else stored
                    more = {"t266": ("H", 2)} if fill_order == 2 else {}
                    data = tiff(
                        (
                            tags_of(stored, bits, photometric, **more),
                            [pack(stored, bits, order, fill_order)],
                        ),
                        order=order,
                    )
                    yield Case(
                        f"{bits} bits, photometric {photometric}, {order}, fill {fill_order}",
                        data,
                        (as_read(true, bits),),
                        white_of(bits),
                    )


def planar() -> Iterator[Case]:
    for bits in (1, 2, 4, 8, 10, 12, 14, 16):
        for order in ORDERS:
            for channels in (3, 4):
                values = random(HEIGHT, WIDTH, channels, bits=bits)
                extra = {"t338": ("H", 2)} if channels == 4 else {}
                segments = [pack(values[..., index], bits, order) for index in range(channels)]
                data = tiff(
                    (tags_of(values, bits, RGB, t284=("H", 2), **extra), segments), order=order
                )
                yield Case(
                    f"{bits} bits, planar, {channels} samples, {order}",
                    data,
                    (as_read(values[..., :3], bits),),
                    white_of(bits),
                )


def floats() -> Iterator[Case]:
    """Floats of every size, below black and above white too."""
    for order in ORDERS:
        for size in (2, 4, 8):
            values = (random(HEIGHT, WIDTH, bits=16) / 16384 - 1).astype(f"f{size}")
            tags = tags_of(values, size * 8, MIN_IS_BLACK, t339=("H", 3))
            data = tiff((tags, [values.astype(f"{order}f{size}").tobytes()]), order=order)
            yield Case(f"float of {size * 8} bits, {order}", data, (values,), 1.0)
        values = random(HEIGHT, WIDTH, bits=16).astype("f4") / 65536
        tags = tags_of(values, 24, MIN_IS_BLACK, t339=("H", 3))
        yield Case(
            f"float of 24 bits, {order}",
            tiff((tags, [_float24(values, order)]), order=order),
            (values,),
            1.0,
        )


def _float24(values: Array, order: str) -> bytes:
    """1 bit of sign, 7 of exponent with a bias of 63, 16 of mantissa."""
    bits = values.view("u4")
    exponent = (bits >> 23 & 255).astype(int) - 127 + 63
    exponent = np.where(values == 0, 0, exponent).astype("u4")
    words = bits >> 31 << 23 | exponent << 16 | (bits & 0x7FFFFF) >> 7
    parts = words.astype(f"{order}u4").view("u1").reshape(-1, 4)
    return bytes((parts[:, :3] if order == "<" else parts[:, 1:]).tobytes())


def other_numbers() -> Iterator[Case]:
    """Types of values that are refused; an undefined type is one of unsigned integers."""
    unsigned, signed, complex_integer, complex_float = 1, 2, 5, 6
    grey = np.zeros((HEIGHT, WIDTH), np.uint8)
    for bits, kind, words in (
        *((bits, signed, "signed integers") for bits in (8, 16, 32, 64)),
        *((bits, unsigned, "unsigned integers") for bits in (17, 20, 24, 32, 64)),
        *((bits, complex_integer, "complex numbers") for bits in (32, 64)),
        *((bits, complex_float, "complex numbers") for bits in (64, 128)),
    ):
        tags = tags_of(grey, bits, MIN_IS_BLACK, t339=("H", kind))
        data = tiff((tags, [bytes(HEIGHT * -(-WIDTH * bits // 8))]))
        yield Case(
            f"{words} of {bits} bits", data, refused=f"its values are {words} of {bits} bits."
        )
    values = random(HEIGHT, WIDTH)
    tags = tags_of(values, 8, MIN_IS_BLACK, t339=("H", 4))
    yield Case("8 bits of an undefined type", tiff((tags, [values.tobytes()])), (values,))
    tags = tags_of(random(HEIGHT, WIDTH, 3), 8, RGB, t258=("H", [5, 6, 5]))
    data = tiff((tags, [bytes(HEIGHT * WIDTH * 2)]))
    yield Case("RGB of 5, 6 and 5 bits", data, refused="its channels have (5, 6, 5) bits.")


def palettes() -> Iterator[Case]:
    for bits in (1, 2, 4, 8):
        for order in ORDERS:
            for scale in (257, 1):
                values = random(HEIGHT, WIDTH, bits=bits)
                colours = random(3, 2**bits, seed=1)
                table = [int(value) * scale for value in colours.ravel()]
                data = tiff(
                    (
                        tags_of(values, bits, PALETTE, t320=("H", table)),
                        [pack(values, bits, order)],
                    ),
                    order=order,
                )
                true = np.moveaxis(colours[:, values], 0, -1)
                yield Case(f"palette of {bits} bits, {order}, times {scale}", data, (true,))
    values = random(HEIGHT, WIDTH)
    colours = random(3, 256, bits=16, seed=1)
    tags = tags_of(values, 8, PALETTE, t320=("H", colours.ravel().tolist()))
    true = np.moveaxis(colours[:, values] / 257, 0, -1)
    yield Case("palette of 16-bit colours", tiff((tags, [values.tobytes()])), (true,), tolerance=1)


def extras() -> Iterator[Case]:
    for bits in (8, 12, 16):
        for kinds in ([0], [1], [2], [1, 0], [0, 0], [2, 0, 0]):
            values = random(HEIGHT, WIDTH, 3 + len(kinds), bits=bits)
            data = tiff((tags_of(values, bits, RGB, t338=("H", kinds)), [pack(values, bits)]))
            yield Case(f"RGB and {kinds}, {bits} bits", data, (values[..., :3],), white_of(bits))
            values = random(HEIGHT, WIDTH, 1 + len(kinds), bits=bits)
            data = tiff(
                (tags_of(values, bits, MIN_IS_BLACK, t338=("H", kinds)), [pack(values, bits)])
            )
            true = values[..., 0] if 1 in kinds or 2 in kinds else values
            yield Case(f"grey and {kinds}, {bits} bits", data, (true,), white_of(bits))
    values = random(HEIGHT, WIDTH, 4)
    data = tiff((tags_of(values, 8, RGB), [values.tobytes()]))
    yield Case("RGB and a sample that nothing is said of", data, (values[..., :3],))
    values = random(HEIGHT, WIDTH, 3)
    data = tiff((tags_of(values, 8, MIN_IS_WHITE, t338=("H", [0, 0])), [values.tobytes()]))
    yield Case("min is white, 3 channels", data, (255 - values,))
    values = random(HEIGHT, WIDTH, 2)
    data = tiff((tags_of(values, 8, MIN_IS_WHITE, t338=("H", [2])), [values.tobytes()]))
    yield Case("min is white and alpha", data, (255 - values[..., 0],))


def other_colours() -> Iterator[Case]:
    for photometric, samples, words in (
        *((4, 1, "no page with a picture"), (5, 4, "CMYK"), (8, 3, "CIELab"), (9, 3, "ICCLab")),
        *((10, 3, "ITULab"), (32803, 1, "mosaic"), (34892, 3, "linear raw"), (32844, 1, "LogL")),
        *((32845, 3, "LogLuv"), (51177, 1, "depth map"), (999, 1, "of number 999")),
    ):
        values = random(HEIGHT, WIDTH, samples)
        values = values[..., 0] if samples == 1 else values
        data = tiff((tags_of(values, 8, photometric), [values.tobytes()]))
        yield Case(f"photometric {photometric}", data, refused=words)


def cases() -> list[Case]:
    """All of them."""
    return [
        *grey_and_rgb(),
        *planar(),
        *floats(),
        *other_numbers(),
        *palettes(),
        *extras(),
        *other_colours(),
    ]
