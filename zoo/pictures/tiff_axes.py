"""Axes of a stack as ImageJ, OME or tifffile wrote them, and which of them lie inside a page."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from tifffile import PLANARCONFIG, TiffPage, TiffPageSeries

from zoo.errors import DataError

NO_CHANNELS = "TZ"  # axes that a pixel does not have


def single_series(where: str, found: Sequence[TiffPageSeries], pages: int) -> TiffPageSeries | None:
    """The stack that a file holds; None for pages that belong to several, which say no axes.

    Args:
        where: the file's name for messages.
        found: what tifffile takes the pages for.
        pages: how many there are, previews aside.

    Raises:
        DataError: one of several stacks lies behind the tags of a single page.
    """
    if pages > 1 and any(series.is_truncated for series in found):
        raise DataError(
            f"{where}: holds several stacks, of which one lies behind the tags of a single page. "
            "Save each stack as a file of its own."
        )
    return found[0] if len(found) == 1 else None


def pages_in(series: TiffPageSeries) -> int:
    """How many arrays of a page's size a stack holds, with tags of their own or without."""
    return prod(series.shape) // max(1, prod(series.keyframe.shape))


def contiguous(series: TiffPageSeries) -> bool:
    """Whether the planes of a stack of two or more lie one behind the other."""
    return pages_in(series) > 1 and series.dataoffset is not None


def axes_between_pages(
    where: str, series: TiffPageSeries, page: TiffPage
) -> tuple[str, tuple[int, ...]]:
    """Axes and sizes of a stack without the samples that a pixel of its pages has.

    These are S by tifffile's own word, and whatever its user called them: the last axis, or the
    one before Y and X where a page has a plane for each. An S that is not inside a page is C.

    Raises:
        DataError: a page has times or depths for its samples.
    """
    axes, sizes = series.axes, series.shape
    if page.samplesperpixel > 1:
        place = len(axes) - (3 if page.planarconfig == PLANARCONFIG.SEPARATE else 1)
        if place >= 0 and sizes[place] == page.samplesperpixel:
            if axes[place] in NO_CHANNELS:
                raise DataError(
                    f"{where}: its axes are {axes}, and its pages hold {axes[place]} as the "
                    "channels of a pixel. Save it with a page for each, as "
                    "photometric='minisblack' does in tifffile."
                )
            axes, sizes = axes[:place] + axes[place + 1 :], sizes[:place] + sizes[place + 1 :]
    return (axes if "C" in axes else axes.replace("S", "C")), sizes
