"""What is said of pairs: whether both views show the same, in the same place, equally bright."""

from __future__ import annotations

from collections.abc import Iterator
from math import cos, pi

from zoo.data_check.alignment import HARMLESS, Alignment, Motion
from zoo.data_check.finding import NOTE, OK, WARNING, Finding, signed
from zoo.data_check.measured import SHARED, Measured
from zoo.errors import listed, printable

SECOND_VIEWS = "second views"


def of_alignment(measured: Measured) -> Iterator[Finding]:
    """Shift, scale and rotation."""
    if not measured.paired or (measured.identical and measured.alignment is None):
        return
    alignment = measured.alignment
    if alignment is None:
        yield Finding(
            NOTE,
            "shift",
            "nothing is found that both views have in common",
            "they may show different scenes, or be too small, too flat or too noisy to tell",
            "Look at some pairs",
        )
        return
    yield _shift(alignment, measured.names)
    yield from _grown(alignment.common)


def of_brightness(measured: Measured) -> Iterator[Finding]:
    """Brightness in all, and at each intensity."""
    brightness = measured.brightness
    if brightness is None:
        return
    worst = brightness.worst_channel
    channel = ""
    if len(brightness.channels) > 1 and worst.is_sure:
        channel = f", channel {brightness.channels.index(worst) + 1} by {worst.value:+.1f}"
    figure = f"the first views are {signed(brightness.mean.value)} grey levels from the second"
    if brightness.mean.is_sure or worst.is_sure:
        yield Finding(
            WARNING,
            "brightness",
            figure + channel,
            "a network learns a brightness between the two",
            "Scale one side to the other, or take both views with the same exposure and light",
        )
    else:
        yield Finding(OK, "brightness", figure)
    if (odd := brightness.worst_intensity) is not None:
        yield Finding(
            WARNING,
            "mean of noise",
            f"{odd.value - brightness.mean.value:+.1f} grey levels at an intensity of "
            f"{odd.intensity:.0f}, beside the mean difference",
            "their difference is not 0 on average at each intensity, as when one is cut off"
            ", or of another tone curve. That is learnt",
            "Develop both views alike, without clipping",
        )


def of_views(measured: Measured) -> Iterator[Finding]:
    """Whether the noise of the two views is another one, and equally strong."""
    if not measured.paired:
        return
    if measured.unlike:
        yield Finding(
            WARNING,
            "other scenes",
            f"{len(measured.unlike):,} of {measured.pictures.scenes:,} pairs show different scenes "
            f"({listed(measured.unlike)})",
            "their mean is learnt, which is neither",
            "Look at their names: files may be paired wrongly",
        )
    if measured.shared > SHARED:
        yield Finding(
            WARNING,
            "common noise",
            f"{measured.shared:.0%} of the noise's variance is the same in both views",
            "what both have in common cannot be told from the scene, and stays",
            "Use two exposures, not two copies of one",
        )
    if measured.second_looks_clean and not measured.second_is_clean:
        first, second = measured.alone
        yield Finding(
            NOTE,
            SECOND_VIEWS,
            f"sigma {second:.1f} beside {first:.1f} of the first",
            "the second pictures look clean",
            'If they are, say second_is_clean = true, and target = "clean"',
        )


def _shift(alignment: Alignment, names: tuple[str, ...]) -> Finding:
    common, shifted = alignment.common, alignment.shifted
    figure = (
        f"{common.shift:.2f} pixels ({signed(common.down)} down, {signed(common.across)} across, "
        f"+-{max(common.error, 0.01):.2f})"
    )
    if not common.is_shifted and not shifted:
        return Finding(OK, "shift", figure)
    largest = common.shift
    if shifted:
        worst = alignment.scenes[shifted[0]]
        largest = max(largest, worst.shift)
        figure += (
            f"; {len(shifted):,} of the {len(alignment.scenes):,} pairs that are large enough to "
            f"tell are shifted, most of all the pair {printable(names[shifted[0]])} "
            f"by {worst.shift:.2f}"
        )
    kept = max(cos(pi * min(largest, 0.5)), 0)
    return Finding(
        WARNING,
        "shift",
        figure,
        f"a network learns both places at once: of the finest detail {kept:.0%} is kept",
        f"Align the pairs to {HARMLESS:g} pixels, or crop the sides against each other",
    )


def _grown(common: Motion) -> Iterator[Finding]:
    if common.is_scaled:
        yield Finding(
            WARNING,
            "scale",
            f"the second views are {common.scale:+.3%} larger (+-{common.scale_error:.3%}): "
            f"{abs(common.scale) * common.reach:.2f} pixels at the corners",
            "the corners are blurred most",
            "Take both views with the same lens and focus, or align them by scale too",
        )
    if common.is_rotated:
        degrees = 180 / pi
        yield Finding(
            WARNING,
            "rotation",
            f"{common.rotation * degrees:+.3f} degrees (+-{common.rotation_error * degrees:.3f}): "
            f"{abs(common.rotation) * common.reach:.2f} pixels at the corners",
            "the corners are blurred most",
            "Use a tripod, or align the pairs by rotation too",
        )
