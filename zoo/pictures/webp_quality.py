"""The quality that a lossy WebP was written with, estimated from its quantizers.

The frame's header is that of RFC 6386, sections 7.3 (the decoder of single bits) and 9.2 to 9.6.
libwebp gives a quality in [0, 100] the quantizer 127 (1 - c), where c^3 is 2/3 of the quality below
75 % and twice the quality less 1 above.
"""

from __future__ import annotations

START = 10  # bytes before the header's bits: frame tag, start code, width and height
SEGMENTS = 4


def estimate_quality(frame: bytes) -> int:
    """The quality, 1 to 100, from the content of a chunk ``VP8``."""
    quantizers = _read_quantizers(_Bits(frame[START : START + 200]))
    c = 1 - sum(quantizers) / len(quantizers) / 127
    linear = max(c, 0) ** 3
    quality = linear * 1.5 if linear < 0.5 else (linear + 1) / 2
    return min(max(round(100 * quality), 1), 100)


class _Bits:
    """The decoder of bits that are 0 as often as 1, section 7.3."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._value = int.from_bytes(data[:2], "big")
        self._next, self._range, self._shifts = 2, 255, 0

    def bit(self) -> int:
        """The next bit."""
        split = 1 + ((self._range - 1) * 128 >> 8)
        found = self._value >= split << 8
        self._value -= (split << 8) * found
        self._range = self._range - split if found else split
        while self._range < 128:
            self._value, self._range = self._value << 1, self._range << 1
            self._shifts += 1
            if self._shifts % 8 == 0:
                self._value |= self._data[self._next]
                self._next += 1
        return int(found)

    def number(self, bits: int) -> int:
        """The next unsigned number."""
        value = 0
        for _ in range(bits):
            value = value << 1 | self.bit()
        return value

    def optional(self, bits: int) -> int:
        """The next number with a sign, if a bit says that there is one; else 0."""
        if not self.bit():
            return 0
        value = self.number(bits)
        return -value if self.bit() else value


def _read_quantizers(bits: _Bits) -> list[int]:
    """The quantizer of each segment."""
    bits.number(2)  # colour space, clamping
    segments, absolute = _read_segments(bits) if bits.bit() else ([0], False)
    bits.number(1 + 6 + 3)  # the loop filter: type, level, sharpness
    if bits.bit() and bits.bit():
        for _ in range(8):
            bits.optional(6)
    bits.number(2)  # partitions
    base = bits.number(7)
    return segments if absolute else [base + change for change in segments]


def _read_segments(bits: _Bits) -> tuple[list[int], bool]:
    with_map, with_data = bits.bit(), bits.bit()
    quantizers, absolute = [0], False
    if with_data:
        absolute = bool(bits.bit())
        quantizers = [bits.optional(7) for _ in range(SEGMENTS)]
        for _ in range(SEGMENTS):
            bits.optional(6)
    if with_map:
        for _ in range(3):
            if bits.bit():
                bits.number(8)
    return quantizers, absolute
