"""Names of picture formats that zoo does not read, by a file's first bytes."""

from __future__ import annotations

from collections.abc import Mapping

BRANDS = 4  # where the kind of an ISO media file stands
OTHERS: Mapping[bytes, str] = {
    **{b"GIF87a": "GIF", b"GIF89a": "GIF", b"8BPS": "Photoshop", b"qoif": "QOI"},
    **{b"\0\0\0\x0cjP  \r\n": "JPEG 2000", b"\xff\x4f\xff\x51": "JPEG 2000"},
    **{b"\0\0\0\x0cJXL \r\n": "JPEG XL", b"\xff\x0a": "JPEG XL", b"II\xbc\x01": "JPEG XR"},
    **{b"\x76\x2f\x31\x01": "OpenEXR", b"#?RADIANCE": "Radiance HDR", b"#?RGBE": "Radiance HDR"},
    **{b"SIMPLE  =": "FITS", b"\x93NUMPY": "NumPy", b"ZISRAWFILE": "Zeiss CZI"},
    **{
        b"FUJIFILMCCD-RAW": "a camera's raw file",
        b"IIU\0": "a camera's raw file",
        b"IIRO": "a camera's raw file",
    },
    **{b"P%d%c" % (n, end): "Netpbm" for n in range(1, 8) for end in b" \t\n\r"},
    **{b"PF\n": "PFM", b"Pf\n": "PFM"},
}
KINDS: Mapping[bytes, str] = {
    **{b"avif": "AVIF", b"avis": "AVIF", b"crx ": "a camera's raw file"},
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"), "HEIF"),
}


def other_format(head: bytes) -> str:
    """The name of the format that the first 32 bytes are of; "" for none of these."""
    if head[BRANDS : BRANDS + 4] == b"ftyp":
        return KINDS.get(head[8:12], "")
    if head.startswith(b"II*\0") and head[8:10] == b"CR":
        return "a camera's raw file"
    return next((name for start, name in OTHERS.items() if head.startswith(start)), "")
