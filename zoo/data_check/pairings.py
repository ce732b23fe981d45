"""What can be learnt from a data set: which pairings of input and target it allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from zoo.data_check.finding import signed
from zoo.data_check.measured import SHARED, Measured

YES, STRIDE, BLURRED, NO, UNKNOWN = "yes", "stride = 2", "blurred", "no", "unknown"
PAIRINGS: Mapping[str, str] = {
    "noisy": "two noisy views: Noise2Noise",
    "clean": "noisy and clean",
    "neighbors": "single noisy pictures: Neighbor2Neighbor",
    "blind_spot": "single noisy pictures: Noise2Void",
}
ALONE = ("neighbors", "blind_spot")
IN_DOUBT = "it is in doubt what white is, and so how strong the noise is"


@dataclass(frozen=True)
class Pairing:
    """Whether a pairing can be trained with.

    Attributes:
        name: of the target, as in ``target = "noisy"``.
        answer: ``yes``; ``stride = 2``, with every other pixel; ``blurred``, as views do not lie on
            each other; ``no``; or ``unknown``.
        reason: why.
    """

    name: str
    answer: str
    reason: str


def judge_pairings(measured: Measured) -> tuple[Pairing, ...]:
    """Each pairing, with the reason."""
    return (
        Pairing("noisy", *_two_views(measured)),
        Pairing("clean", *_clean(measured)),
        *(Pairing(name, *_single(measured)) for name in ALONE),
    )


def _two_views(measured: Measured) -> tuple[str, str]:
    if not measured.paired:
        if measured.range_remarks:
            return UNKNOWN, IN_DOUBT
        if measured.noisy:
            return NO, "no pairs"
        return YES, "with a noise that is added to the pictures twice"
    if measured.second_is_clean:
        return NO, "the second pictures are said to be clean"
    return next(_faults_of_pairs(measured), (YES, "two views of each scene"))


def _clean(measured: Measured) -> tuple[str, str]:
    if not measured.paired:
        if measured.range_remarks:
            return UNKNOWN, IN_DOUBT
        if measured.noisy:
            return NO, "the pictures have noise of their own, which would be learnt as detail"
        return YES, "with a noise that is added to the pictures"
    if not measured.second_is_clean and not measured.second_looks_clean:
        return NO, "no clean pictures"
    how = "" if measured.second_is_clean else ", with second_is_clean = true"
    return next(_faults_of_pairs(measured), (YES, f"the second pictures are clean{how}"))


def _faults_of_pairs(measured: Measured) -> Iterator[tuple[str, str]]:
    if measured.identical:
        yield NO, "pairs have the same picture twice"
    if measured.shared > SHARED:
        yield NO, f"both views have {measured.shared:.0%} of their noise in common"
    if measured.alignment is None:
        yield UNKNOWN, "nothing is found that both views have in common"
    if not measured.aligned:
        yield BLURRED, "the pictures of a pair do not lie on each other: align them first"


def _single(measured: Measured) -> tuple[str, str]:
    correlation = measured.correlation
    if measured.range_remarks:
        return UNKNOWN, IN_DOUBT
    if not measured.noisy:
        return NO, "the pictures have no noise to learn from"
    if correlation is None:
        return UNKNOWN, "too little of the noise is seen to tell whether it is independent"
    if not correlation.correlated:
        return YES, f"the noise of neighbours is independent ({signed(correlation.strongest)})"
    figures = lag_words(correlation.correlated)
    if correlation.independent_at_stride_2:
        return STRIDE, f"the noise is correlated ({figures}), but not of every other pixel"
    return NO, f"the noise is correlated ({figures}), also that of every other pixel"


def lag_words(lags: Mapping[str, float]) -> str:
    """``across +0.57, down +0.57``."""
    return ", ".join(f"{name.replace('_', ' ')} {signed(value)}" for name, value in lags.items())


def pairing_of(pairings: Sequence[Pairing], name: str) -> Pairing:
    """The one of that name."""
    return next(pairing for pairing in pairings if pairing.name == name)
