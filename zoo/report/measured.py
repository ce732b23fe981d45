"""What a run's outputs are compared with, and whether PSNR of several runs can be compared."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from zoo.report.plain import at, in_words, items, number, text
from zoo.report.run_files import RunFiles

MEASURED = ("clean", "noisy")  # as zoo.data.evaluation has it, which a test sees to
MOST_IMAGES = 100_000
NOT_COMPARABLE = (
    "The figures of these runs cannot be compared, and PSNR has no common chart: they were "
    "measured against different things. "
)


def compared_with(run: RunFiles) -> str:
    """``clean``, ``noisy`` or the pairing's name; "" where it is not known."""
    of_pictures = (picture.compared_with for picture in run.pictures)
    if run.evaluation:
        return text(run.evaluation.get("compared_with"), 40) or "clean"
    return next(of_pictures, "")


def reference(compared: str) -> str:
    """What ``compared_with`` means, in the words of ``zoo evaluate``."""
    known = {"clean": "clean images", "noisy": "other noisy views"}
    return known.get(compared, f"noisy pixels, by {compared}")


def target(run: RunFiles) -> str:
    """What the training loss compares with, in words; "" where it is not known."""
    given = at(run.resolved, "data", "target")
    name = text(given, 40) or text(at(given, "type"), 40)
    known = {"": "", "clean": "clean images", "noisy": "noisy targets"}
    return known.get(name, f"noisy pixels, by {name}")


def why_no_psnr(run: RunFiles) -> str:
    """Why validations gave no PSNR; "" where that is not known."""
    compared = compared_with(run)
    if not compared or compared in MEASURED:
        return ""
    return (
        "PSNR was not measured: there are no clean images, and outputs are compared with "
        f"{reference(compared)}."
    )


def is_no_better(run: RunFiles) -> bool:
    """Whether the result is measured, and no better than its noisy input."""
    psnr, noisy = (number(run.evaluation.get(key)) for key in ("psnr", "psnr_noisy"))
    known = compared_with(run) in MEASURED and math.isfinite(noisy)
    return known and math.isfinite(psnr) and psnr <= noisy


def why_not_comparable(runs: Sequence[RunFiles], names: Sequence[str]) -> str:
    """A sentence if runs are measured against different things; else ""."""
    known = [(run, name) for run, name in zip(runs, names, strict=True) if compared_with(run)]
    kinds = {compared_with(run) for run, _ in known}
    if len(kinds) > 1:
        said = "; ".join(f"{name}: {reference(compared_with(run))}" for run, name in known[:12])
        return f"{NOT_COMPARABLE}{said}."
    evaluated = [(run, name) for run, name in known if run.evaluation]
    if len({_noise(run) for run, _ in evaluated}) > 1:
        said = "; ".join(f"{name}: {_noise_said(run)}" for run, name in evaluated[:12])
        return f"{NOT_COMPARABLE}Their evaluation's noise differs. {said}."
    if len({_images(run) for run, _ in evaluated}) > 1:
        return f"{NOT_COMPARABLE}They were evaluated on different images."
    return ""


def _noise(run: RunFiles) -> str:
    return json.dumps(run.evaluation.get("noise"), sort_keys=True)


def _noise_said(run: RunFiles) -> str:
    noise = run.evaluation.get("noise")
    return in_words(noise, ranges=True) if noise else "none is added"


def _images(run: RunFiles) -> tuple[str, ...]:
    images = items(run.evaluation.get("per_image"), MOST_IMAGES)
    return tuple(sorted(text(at(image, "name")) for image in images))
