"""What is said of the noise: how strong it is, of what kind, and whether it is independent."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.data_check.finding import NOTE, OK, WARNING, Finding, signed
from zoo.data_check.measured import CLEAN, SURELY_NOISY, Measured
from zoo.data_check.noise import Noise
from zoo.data_check.pairings import lag_words
from zoo.inference.quality import CORRELATED


def of_noise(measured: Measured) -> Iterator[Finding]:
    """Its strength, and its model."""
    noise = measured.noise
    if noise is None:
        yield Finding(NOTE, "noise", "too little is seen of it to tell how strong it is")
        return
    yield _strength(measured, noise)
    if not measured.noisy:
        return
    if not measured.model_is_known:
        yield Finding(NOTE, "noise model", "cannot be told from single pictures: it is correlated")
        return
    if noise.follows_texture:
        yield Finding(
            NOTE,
            "noise model",
            f"its variance differs {noise.spread:.1f} times more than gaussian noise's does",
            "it depends on the texture, as that of pixel_sampling does, and not on the intensity "
            "alone",
        )
        return
    figure = f"gain {noise.gain:.3g}, read noise of sigma {noise.read:.3g}"
    if noise.is_a_line:
        kind = "it does not depend on the intensity" if not noise.gain else ""
        kind = kind or ("it is photon noise" if not noise.read else "as of a camera's sensor")
        yield Finding(OK, "noise model", figure, kind)
    else:
        yield Finding(
            NOTE,
            "noise model",
            figure,
            f"that line misses the variances by {noise.misfit:.0%}: the pictures may be developed "
            "(a tone curve), clipped, or textured",
            "Take it for an approximation",
        )


def of_correlation(measured: Measured) -> Iterator[Finding]:
    """Whether it is independent from pixel to pixel."""
    correlation = measured.correlation
    if not measured.noisy:
        return
    if correlation is None:
        yield Finding(NOTE, "correlation", "too little of the noise is seen to tell")
        return
    if correlation.correlated:
        where = " in the differences between channels" if correlation.in_colour_only else ""
        stride = correlation.independent_at_stride_2
        yield Finding(
            NOTE if measured.paired else WARNING,
            "correlation",
            f"{lag_words(correlation.correlated)}{where}; independent noise has less than "
            f"{max(CORRELATED, correlation.lags.chance):.2g}",
            "the noise was smoothed, as demosaicking and JPEG do"
            + ("" if measured.paired else ", or it is fine detail")
            + ": neighbors and blind_spot cannot remove it. Two views can",
            "For these say stride = 2, every other pixel" if stride else "Use raw data, or pairs",
        )
    else:
        yield Finding(
            OK,
            "correlation",
            f"{signed(correlation.strongest)} at most (chance {correlation.lags.chance:.3f})",
            "the noise is independent from pixel to pixel",
        )
    if correlation.block:
        yield Finding(
            NOTE,
            "blocks",
            f"neighbours across the borders of 8 x 8 blocks differ by {correlation.block:+.3f}",
            "the noise went through JPEG compression",
            "Use files that were never JPEG, if there are any",
        )
    channels = correlation.channels
    if channels is not None and abs(channels) > max(CORRELATED, correlation.lags.chance):
        yield Finding(
            NOTE,
            "channels",
            f"the noise of two channels is correlated by {channels:+.2f}",
            "noise that zoo adds is another one in each channel, but for pixel_sampling",
        )


def _strength(measured: Measured, noise: Noise) -> Finding:
    how = "between the views" if noise.from_pairs else "estimated from single pictures"
    if noise.from_pairs and (measured.second_is_clean or measured.second_looks_clean):
        how += ", the second taken for clean"
    how += ", as the views do not lie on each other" if not measured.aligned else ""
    sigma = measured.sigma
    figure = f"sigma {sigma:.1f}, {how}"
    if noise.from_pairs:
        low = f"only {sigma:.1f} grey levels to learn from" if sigma < CLEAN else ""
        return Finding(NOTE if low else OK, "noise", figure, low)
    if sigma < CLEAN:
        return Finding(OK, "noise", figure, "as good as clean")
    doubt = "a little noise, or fine texture" if sigma < SURELY_NOISY else "they are noisy"
    if measured.paired:
        return Finding(NOTE, "noise", figure)
    return Finding(
        NOTE,
        "noise",
        figure,
        f"{doubt}: as clean pictures they would teach that this noise is detail",
        "Look at them; for noisy ones see the pairings",
    )
