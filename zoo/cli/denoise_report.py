"""What ``zoo denoise`` says of a file: a line for people, a record for programs, warnings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from zoo.errors import first_of, printable
from zoo.inference.file import Result
from zoo.inference.quality import Quality
from zoo.pictures.jobs import STANDARD, Job
from zoo.single import NeighboursEstimate, Training


def job_name(job: Job) -> str:
    """``a.png -> b.png``, with escapes for what cannot be printed."""
    source, target = (
        f"<std{way}>" if path == STANDARD else printable(str(path))
        for path, way in ((job.source, "in"), (job.target, "out"))
    )
    return f"{source} -> {target}"


def result_line(job: Job, result: Result, training: Training | None = None) -> str:
    """The line of a file that is done; with ``training``, what was trained on it alone."""
    width, height = result.shape[result.axes.index("X")], result.shape[result.axes.index("Y")]
    pages = result.shape[: result.axes.index("Y")]
    size = " x ".join(map(str, (*pages, f"{width}x{height}")))
    time = f"{result.seconds:.1f} s"
    if training is not None:
        time = f"trained {training.seconds:.0f} s ({training.steps:,} steps), denoised {time}"
    beside = "" if training is None else _beside(training.estimate)
    return f"{job_name(job)}: {size}, {time}, {_quality(result.quality)}{beside}"


def _beside(estimate: NeighboursEstimate | None) -> str:
    """Whether the network or non-local means is likely better."""
    if estimate is None:
        return ""
    means = f"non-local means with h {estimate.h / estimate.sigma:.1f} sigma"
    return {
        "network": f", likely better than {means}",
        "non_local_means": f", {means} is likely better",
        "": f", about as good as {means}",
    }[estimate.likely_better]


def result_record(
    job: Job,
    status: str,
    result: Result | None,
    error: str | None,
    training: Training | None = None,
) -> dict[str, Any]:
    """The record of a file; status is ``done``, ``skipped`` or ``failed``."""
    record: dict[str, Any] = {"input": str(job.source), "output": str(job.target), "status": status}
    if error is not None:
        record["error"] = error
    if result is not None:
        record |= {
            "format": result.format,
            "axes": result.axes,
            "shape": list(result.shape),
            "channels": result.channels,
            "depth": result.depth,
            "precision": result.precision,
            "seconds": result.seconds,
            **_quality_record(result.quality),
            "remarks": result.remarks,
        }
    if training is not None:
        record["training"] = asdict(training)
        if training.estimate is not None:
            record["training"]["estimate"]["likely_better"] = (
                training.estimate.likely_better or None
            )
    return record


def result_warnings(result: Result) -> Iterator[tuple[str, str]]:
    """What was seen in a file that is done, and what that means, which is alike for all files."""
    yield from ((remark, "") for remark in result.remarks)
    quality = result.quality
    if quality is None:
        return
    if quality.noise_is_correlated:
        yield (
            f"its noise is alike at neighbouring pixels ({_lags(quality.correlated)})",
            "It is so in a camera's JPEG, or where there is no flat part to measure. Models "
            "trained on independent noise remove little of such noise, and sigma is estimated too "
            "low.",
        )
    if result.doubt:
        yield result.doubt, "If another value is white, say so: --white 4095."


def _quality(quality: Quality | None) -> str:
    """What was measured, in words."""
    if quality is None or quality.sigma_before is None or quality.sigma_after is None:
        return "no noise to measure"
    words = f"sigma {quality.sigma_before:.1f} -> {quality.sigma_after:.1f}"
    if quality.removed is None:
        return f"{words}, nothing removed"
    if quality.removed_is_noise:
        return f"{words}, removed: noise"
    return f"{words}, removed: not only noise ({_lags(quality.structure)})"


def _lags(lags: Mapping[str, float]) -> str:
    """The first two, as ``0.42 across, 0.31 two pixels apart and 1 more``."""
    words = {"lag_2": "two pixels apart", "lag_8": "eight pixels apart"}
    texts = [f"{value:.2f} {words.get(name, name)}" for name, value in lags.items()]
    return first_of(texts, shown=2)


def _quality_record(quality: Quality | None) -> dict[str, Any]:
    if quality is None:
        return {}
    return {
        "sigma_before": quality.sigma_before,
        "sigma_after": quality.sigma_after,
        "noise": None if quality.noise is None else quality.noise.lags,
        "noise_is_correlated": quality.noise_is_correlated,
        "removed": None if quality.removed is None else quality.removed.lags,
        "removed_is_noise": quality.removed_is_noise,
    }
