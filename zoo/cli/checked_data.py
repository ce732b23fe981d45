"""What ``zoo run`` says of noisy data before it trains on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from zoo.architecture import Architecture
from zoo.data.sets import Images, SingleImages
from zoo.data_check.finding import worst_first
from zoo.data_check.measured import SURELY_NOISY
from zoo.data_check.on_pairs import SECOND_VIEWS
from zoo.data_check.pairings import ALONE, lag_words
from zoo.data_check.report import check_images
from zoo.errors import DataError

OWN_NOISE = (
    "the pictures have noise of their own, of sigma {:.1f}: as clean ones they teach that it is "
    'detail. For noisy pictures say data.noise = "none" and data.target = "neighbors"'
)


def check_data(
    spec: Architecture,
    images: Images,
    *,
    strict: bool,
    allow_correlated: bool,
    warn: Callable[[str], object],
) -> None:
    """Look at the images of a run, in a few seconds.

    Of clean ones, to which noise is added, only whether they are clean.

    Args:
        spec: what is to be trained.
        images: what it is to be trained on.
        strict: whether what would be a warning is an error.
        allow_correlated: whether single pictures may be trained on whose noise neighbours share.
        warn: called with a line for each thing that is wrong with them.

    Raises:
        DataError: something is, and ``strict``; or neighbours share their noise, and the pairing
            assumes that they do not.
    """
    noise, target = spec.data.noise, spec.data.target
    report = check_images(images, copies=False)
    if isinstance(images, SingleImages) and (noise is None or noise.type != "none"):
        if report.measured.sigma >= SURELY_NOISY and not report.measured.range_remarks:
            _say([OWN_NOISE.format(report.measured.sigma)], strict, warn)
        return
    correlation = report.measured.correlation
    if target.type in ALONE and correlation is not None and correlation.correlated:
        enough = target.parameters["stride"] > 1 and correlation.independent_at_stride_2
        if not (enough or allow_correlated):
            raise DataError(
                f"data: neighbouring pixels share their noise ({lag_words(correlation.correlated)}"
                f"), or are fine detail: {target.type} cannot remove such noise. "
                f"{_instead(target.type, correlation.independent_at_stride_2)}, or train all the "
                "same with --allow-correlated."
            )
    # Of the range it is said anyway, with the key of the file.
    findings = [it for it in worst_first(report.findings) if it.what != "range"]
    _say(findings, strict, warn)
    if target.type == "noisy":  # what is measured is called otherwise than it is
        _say([it for it in report.findings if it.what == SECOND_VIEWS], False, warn)


def _say(findings: Iterable[object], strict: bool, warn: Callable[[str], object]) -> None:
    """Warn of each finding.

    Raises:
        DataError: there is one, and ``strict``.
    """
    lines = [f"data: {finding}" for finding in findings]
    if strict and lines:
        raise DataError(*lines)
    for line in lines:
        warn(line)


def _instead(target: str, independent_at_stride_2: bool) -> str:
    if independent_at_stride_2:
        return f'Set data.target to {{type = "{target}", stride = 2}}'
    return "Use raw data, or pairs"
