"""How well a run denoises: the PSNR of each image, and the methods beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from markupsafe import Markup

from zoo.report.charts import Dots, sorted_dots
from zoo.report.frame import table
from zoo.report.measured import MEASURED, reference
from zoo.report.page import Section, figures
from zoo.report.plain import at, in_words, items, number, text
from zoo.report.plain import table as as_table
from zoo.report.scales import fixed

MOST_IMAGES = 400  # of a chart; of more some, spread evenly over the sorted ones
MOST_METHODS = 12
REFERENCES: Mapping[str, str] = {
    "clean": "the clean images",
    "noisy": "other noisy images, so that the figures are lower than against clean ones",
}


@dataclass(frozen=True)
class ImageScore:
    """One image: PSNR in dB, NaN where it is not known."""

    name: str
    psnr: float
    noisy: float


def image_scores(evaluation: Mapping[str, Any]) -> Sequence[ImageScore]:
    """The images that were evaluated on, from the lowest PSNR of the denoised to the highest."""
    found = [
        ImageScore(
            text(at(plain, "name"), 120) or "?",
            number(at(plain, "psnr")),
            number(at(plain, "psnr_noisy")),
        )
        for plain in items(evaluation.get("per_image"), 100_000)
    ]
    found.sort(key=lambda it: (it.psnr if math.isfinite(it.psnr) else math.inf, it.name))
    return found


def scores(evaluation: Mapping[str, Any]) -> Section:
    """The images' PSNR, sorted, and a table of the methods."""
    title = "How well it denoises"
    if not evaluation:
        return Section("scores", title, Markup(""))
    known, compared = image_scores(evaluation), _compared_with(evaluation)
    against = "" if compared == "clean" else f", against {reference(compared)}"
    every = -(-len(known) // MOST_IMAGES) if known else 1
    shown = known[::every]
    parts = []
    if shown:
        dots = [
            Dots("noisy", [image.noisy for image in shown], 1),
            Dots("denoised", [image.psnr for image in shown], 0),
        ]
        chart = sorted_dots(
            f"PSNR of each image{against}",
            [image.name for image in shown],
            dots,
            unit="dB",
            note=_gain(known, every, compared in MEASURED),
        )
        parts.append(chart)
    parts.append(_methods(evaluation))
    return Section("scores", title, figures(parts), _lead(evaluation, len(known)))


def _compared_with(evaluation: Mapping[str, Any]) -> str:
    return text(evaluation.get("compared_with"), 40) or "clean"


def _gain(images: Sequence[ImageScore], every: int, measured: bool) -> str:
    """What was gained; whether an image became worse is known only of what is measured."""
    gains = [it.psnr - it.noisy for it in images if math.isfinite(it.psnr - it.noisy)]
    if not gains:
        return ""
    worse = sum(gain < 0 for gain in gains) if measured else 0
    if len(gains) == 1:
        return f"Gain {fixed(gains[0], 2, sign=True)} dB{': it became worse' if worse else ''}."
    mean, low, high = (fixed(it, 2) for it in (sum(gains) / len(gains), min(gains), max(gains)))
    said = f"Mean gain {mean} dB, from {low} to {high} dB over {len(gains):,} images."
    if worse:
        said += f" {worse:,} became worse."
    if every > 1:
        said += f" One of {every} images is drawn."
    return said


def _lead(evaluation: Mapping[str, Any], count: int) -> str:
    compared = _compared_with(evaluation)
    noise = evaluation.get("noise")
    added = ""
    if isinstance(noise, dict):
        rest = ", ".join(
            f"{text(key, 40)} {in_words(value, ranges=True)}"
            for key, value in islice(noise.items(), 8)
            if key != "type"
        )
        added = f" with {text(noise.get('type'), 40)} noise added{f' ({rest})' if rest else ''}"
    images = f"{count:,} image{'s' * (count != 1)}"
    data = text(evaluation.get("data"), 120)
    against = REFERENCES.get(compared, reference(compared))
    if compared not in MEASURED:
        against += ": the figures say nothing of clean images, but compare the methods"
    return f"{images}{f' ({data})' if data else ''}{added}, compared with {against}."


def _methods(evaluation: Mapping[str, Any]) -> Markup:
    noisy = number(evaluation.get("psnr_noisy"))
    rows = [
        _row("noisy input", evaluation, noisy, "_noisy"),
        *(
            _row(text(name, 60).replace("_", " "), as_table(measured), noisy)
            for name, measured in islice(
                as_table(evaluation.get("baselines")).items(), MOST_METHODS
            )
        ),
        _row("this network", evaluation, noisy),
    ]
    head = ["", "PSNR, dB", "gain, dB", "of mean MSE, dB", "SSIM"]
    return table(head, rows, kind="methods", caption="Beside other methods")


def _row(name: str, measured: Mapping[str, Any], noisy: float, ending: str = "") -> Sequence[str]:
    psnr, mean, ssim = (
        number(measured.get(f"{key}{ending}")) for key in ("psnr", "psnr_of_mean_mse", "ssim")
    )
    gain = psnr - noisy
    signed = "–" if ending else fixed(gain, 2, sign=True)
    return [name, fixed(psnr, 2), signed, fixed(mean, 2), fixed(ssim, 3)]
