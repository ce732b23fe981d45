"""Whether images use the range of values that their files say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from zoo.data.stored import Image, low_and_high

DARK = 0.1  # of white: less is the brightest value of 12 bits in 16, 1/16, and of no photograph
BRIGHT = 3.0  # times white: more than noise in floats would explain


def brightness_remarks(images: Iterable[Image]) -> Iterator[str]:
    """What to say where white may not be what the files' types say.

    Args:
        images: (C, H, W) each, uint8, or float32 with white at 1.
    """
    highest = max(low_and_high(image)[1] for image in images)
    if highest < DARK:
        yield (
            f"the brightest value of all images is {highest:.3g} of white: their files may use "
            "fewer bits than they say. If so, say which values are black and white: "
            "range = [0, 4095] in [data] for 12 bits"
        )
    elif highest > BRIGHT:
        yield (
            f"the brightest value of all images is {highest:g}, and white is 1: their files may be "
            "floats of another range, or counts. If so, say which values are black and white: "
            "range = [0, 255] in [data]"
        )
