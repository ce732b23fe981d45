"""What is said of the pictures themselves: how many, of what range, copies, clipping."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.data_check.finding import ERROR, NOTE, OK, WARNING, Finding
from zoo.data_check.measured import Measured, Pictures
from zoo.errors import listed

# Megapixels that others were trained on: EE-559's 50,000 pairs of 32 x 32, the demo's five
# photographs, and the 200 of BSDS500's training split, of which the figures in docs/results.md are.
OTHERS = (("the demo", 1.4), ("BSDS500's 200 photographs", 30.9), ("EE-559's pairs", 51.2))
SMALL = 64  # pixels: the crops of most shipped architectures


def of_pictures(measured: Measured) -> Iterator[Finding]:
    """What there is."""
    pictures = measured.pictures
    kind = {1: "pictures", 2: "pairs"}.get(pictures.views, "bursts")
    kind = kind.removesuffix("s") if pictures.scenes == 1 else kind
    channels = "1 channel" if pictures.channels == 1 else f"{pictures.channels} channels"
    types = " and ".join(name for name, _ in pictures.types)
    yield Finding(
        OK,
        "pictures",
        f"{pictures.scenes:,} {kind}, {_sizes(pictures)}, {channels}, {types}",
    )
    yield _amount(pictures)
    if (side := min(min(width, height) for width, height, _ in pictures.sizes)) < SMALL:
        yield Finding(
            NOTE,
            "crops",
            f"the smallest picture is {side} pixels high or wide",
            "crops to train on cannot be larger",
            f"Set input.height and input.width to {side} or less, with neighbors to half of that",
        )


def of_range(measured: Measured) -> Iterator[Finding]:
    """Whether white is what the files say."""
    pictures = measured.pictures
    figure = f"{pictures.lowest:.3g} to {pictures.highest:.3g} of white"
    if not measured.range_remarks:
        yield Finding(OK, "range", figure)
    for remark in measured.range_remarks:
        meaning, _, advice = remark.partition(": ")[2].partition(". ")
        option = (
            "With this command that is --range 0,4095, or --range auto; all figures below would be "
            "others"
        )
        yield Finding(WARNING, "range", figure, meaning, f"{advice}. {option}")


def of_copies(measured: Measured) -> Iterator[Finding]:
    """Copies, and scenes that are there more than once."""
    copies = measured.copies
    if copies is None:
        return
    count = measured.pictures.scenes
    if copies.same:
        yield Finding(
            WARNING,
            "copies",
            f"{len(copies.same):,} of {count:,} are another one's copies, pixel for pixel "
            f"({listed(copies.same)})",
            "they count twice in training. zoo run keeps copies on one side of its split; "
            "with folders that you split yourself, scores would be of pictures trained on",
            "Take them out",
        )
    if copies.alike:
        yield Finding(
            NOTE,
            "alike",
            f"{len(copies.alike):,} of {count:,} show the scene of another one "
            f"({listed(copies.alike)})",
            "zoo run keeps a scene on one side of its split, so there are fewer scenes to learn "
            "from than pictures",
        )
    if copies.held_out is None or (copies.split and len(copies.same) + len(copies.alike) == 0):
        yield Finding(NOTE, "split", " ".join(copies.split).removeprefix("data: ").rstrip("."))
    if not copies.same and not copies.alike:
        yield Finding(OK, "copies", "no picture is there twice")


def of_identical(measured: Measured) -> Iterator[Finding]:
    """Pairs that are none."""
    if measured.identical:
        yield Finding(
            ERROR,
            "same twice",
            f"{len(measured.identical):,} of {measured.pictures.scenes:,} pairs have the same "
            f"picture twice ({listed(measured.identical)})",
            "there is no second noise to learn from, and zoo run refuses them",
            "Take these pairs out",
        )


def of_clipping(measured: Measured) -> Iterator[Finding]:
    """Values at the ends of the range."""
    clipping = measured.clipping
    figure = f"{clipping.at_black:.2%} of the values at the lowest, {clipping.at_white:.2%} at the "
    figure += "highest"
    if not clipping.is_harmful:
        yield Finding(OK, "clipping", figure)
        return
    yield Finding(
        WARNING,
        "clipping",
        figure,
        f"in {clipping.noisy:.1%} of all places noise is cut off there, which makes black "
        f"{clipping.shift_at_black:.1f} grey levels too bright and white "
        f"{-clipping.shift_at_white:.1f} too dark on average. That shift is learnt",
        "Take pictures whose noise is not cut off: raw data with the black level kept, floats, or "
        "a shorter exposure",
    )


def _amount(pictures: Pictures) -> Finding:
    beside = ", ".join(f"{name} {figure:g}" for name, figure in OTHERS)
    return Finding(
        OK if pictures.megapixels >= OTHERS[0][1] else NOTE,
        "amount",
        f"{pictures.megapixels:.3g} megapixels",
        f"for comparison: {beside}",
        ""
        if pictures.megapixels >= OTHERS[0][1]
        else "Fewer than the demo's teach a network little about other scenes",
    )


def _sizes(pictures: Pictures) -> str:
    if len(pictures.sizes) == 1:
        return "{}x{}".format(*pictures.sizes[0])
    ordered = sorted(pictures.sizes, key=lambda size: size[0] * size[1])
    return "{}x{} to {}x{}".format(*ordered[0][:2], *ordered[-1][:2])
