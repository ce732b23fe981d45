"""TIFFs by their pages, and by the tags that their writers leave out."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
import tifffile

from tests.pictures.corpus.case import HEIGHT, WIDTH, Array, Case, random
from tests.pictures.corpus.tiff_bytes import Page, pack, tags_of, tiff

GREY, RGB, MASK, CMYK = 1, 2, 4, 5
BITS, PHOTOMETRIC, SUBFILE, OLD_SUBFILE = 258, 262, "t254", "t255"
REDUCED: Any = ("I", 1)
ONE_LEFT_OUT = "previews and masks are left out: 1 of its pages"
SUB_PAGES = "its reduced copies (SubIFDs) are left out"


def page(values: Array, photometric: int = GREY, **more: Any) -> Page:
    """A page of 8 bits in one strip."""
    return tags_of(values, 8, photometric, **more), [values.tobytes()]


def beside_the_picture() -> Iterator[Case]:
    """Previews, masks and pyramids are no pictures of their own."""
    grey, rgb = random(HEIGHT, WIDTH), random(HEIGHT, WIDTH, 3)
    small = page(random(5, 6), **{SUBFILE: REDUCED})
    pages: dict[str, tuple[list[Page], Array]] = {
        "a preview behind": ([page(grey), small], grey),
        "a preview before": ([small, page(grey)], grey),
        "a preview of the old kind": ([page(grey), page(grey, **{OLD_SUBFILE: ("H", 2)})], grey),
        "a grey preview of RGB": ([page(rgb, RGB), small], rgb),
        "a preview in CMYK": (
            [page(rgb, RGB), page(random(4, 5, 4), CMYK, **{SUBFILE: REDUCED})],
            rgb,
        ),
        "a mask": ([page(grey), page(grey, MASK, **{SUBFILE: ("I", 4)})], grey),
        "a mask by its colours alone": ([page(grey), page(grey, MASK)], grey),
    }
    for order in "<>":
        for name, (parts, true) in pages.items():
            data = tiff(*parts, order=order)
            yield Case(f"{name}, {order}", data, (true,), remark=ONE_LEFT_OUT)
    other = random(HEIGHT, WIDTH, seed=1)
    second = page(other, **{SUBFILE: ("I", 2)})
    yield Case("two pages", tiff(page(grey), second), (grey, other))
    data = tiff(page(grey), small, sub_pages={1: 0})
    yield Case("a preview in a SubIFD", data, (grey,), remark=SUB_PAGES)
    data = tiff(small, page(grey), sub_pages={1: 0})
    yield Case("the picture in a SubIFD", data, refused="SubIFDs as in a camera's raw file")
    yield Case("only a preview", tiff(small), refused="only previews or masks")
    yield from pyramids()


def pyramids() -> Iterator[Case]:
    values = random(64, 64)
    for name, remark in (
        ("subifds", SUB_PAGES),
        ("pages", "previews and masks are left out: 2 of its pages"),
    ):
        stream = BytesIO()
        inside = 2 if name == "subifds" else None
        with tifffile.TiffWriter(stream, ome=name == "subifds") as writer:
            writer.write(values, subifds=inside, metadata={"axes": "YX"} if inside else None)
            for step in (2, 4):
                writer.write(values[::step, ::step], subfiletype=1, metadata=None)
        yield Case(f"a pyramid of {name}", stream.getvalue(), (values,), remark=remark)


def left_out() -> Iterator[Case]:
    """Tags with a default, and the one without that says what values mean."""
    bits, grey, rgb = random(HEIGHT, WIDTH, bits=1), random(HEIGHT, WIDTH), random(HEIGHT, WIDTH, 3)
    for code in (BITS, 259, 277, 278, 282, 296):
        tags = tags_of(bits, 1, GREY)
        del tags[code]
        data = tiff((tags, [pack(bits, 1)]))
        yield Case(f"1 bit without tag {code}", data, (bits * np.uint8(255),))
    yield Case("one count of bits for RGB", tiff(page(rgb, RGB, t258=("H", 8))), (rgb,))
    yield Case("byte counts of 0", tiff(page(grey, t279=("I", 0))), (grey,))
    yield Case("a strip without end", tiff(page(grey, t278=("I", 2**32 - 1))), (grey,))
    tags, segments = page(grey)
    del tags[PHOTOMETRIC]
    yield Case(
        "no photometric", tiff((tags, segments)), refused="does not say what its values mean"
    )


def said_of_values() -> Iterator[Case]:
    """The smallest and largest value are statistics; OME's significant bits say white."""
    for photometric, channels in ((GREY, 1), (RGB, 3)):
        values = random(HEIGHT, WIDTH, channels)
        values = values[..., 0] if channels == 1 else values
        more = {"t280": ("H", [3] * channels), "t281": ("H", [200] * channels)}
        data = tiff(page(values, photometric, **more))
        yield Case(f"smallest and largest value of {channels}", data, (values,))
    for bits, dtype, white in (
        (12, "u2", 4095),
        (16, "u2", 65535),
        (10, "f4", 1),
        (0, "u2", 65535),
    ):
        values, stream = random(HEIGHT, WIDTH, bits=bits or 16).astype(dtype), BytesIO()
        metadata = {"axes": "YX", "SignificantBits": bits} if bits else {"axes": "YX"}
        tifffile.imwrite(stream, values, ome=True, metadata=metadata)
        remark = "its white is 4095, by its OME-XML (12 bits)" if white == 4095 else ""
        yield Case(
            f"OME, {bits} bits of {dtype}", stream.getvalue(), (values,), white, remark=remark
        )


def cases() -> list[Case]:
    """All of them."""
    return [*beside_the_picture(), *left_out(), *said_of_values()]
