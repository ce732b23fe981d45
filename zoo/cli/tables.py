"""The closing tables of ``zoo run`` and ``zoo evaluate``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from rich.table import Table

from zoo.cli.console import cell, count_of
from zoo.train.baselines import BASELINES
from zoo.train.evaluation_sets import SetEvaluation
from zoo.train.scores import Evaluation, Score

TITLES: Mapping[str, str] = {
    "noisy": "noisy input",
    **{baseline.short: baseline.title for baseline in BASELINES.values()},
    "model": "this model",
}


def evaluation_table(evaluation: Evaluation, note: str = "") -> Table:
    """PSNR both ways and SSIM of the model, the noisy input and the classical methods."""
    count = len(evaluation.names)
    mean = ", mean" if count > 1 else ""
    title = f"{count_of('image', count)}{mean}{note}{_compared_with(evaluation)}"
    table = Table(title=title, title_justify="left")
    table.add_column("", no_wrap=True)
    for name in ("PSNR", "gain", "PSNR of mean MSE", "SSIM"):
        table.add_column(name, justify="right", no_wrap=True)
    for method, score in evaluation.methods.items():
        of_mean = f"{score.psnr_of_mean_mse:.2f} dB"
        cells = (_psnr(score), _gain(score, evaluation), of_mean, _ssim(score))
        table.add_row(TITLES[method], *cells, style=_style(method))
    if evaluation.psnr_estimate is not None:
        table.caption_justify = "left"
        table.caption = (
            f"Against clean images this model would have {evaluation.psnr_estimate:.2f} dB, if the "
            "views of a scene lie on each other and their noise is independent and alike."
        )
    return table


def _compared_with(evaluation: Evaluation) -> str:
    """What the outputs are compared with, where that is not clean."""
    if evaluation.compared_with == "clean":
        return ""
    if evaluation.compared_with == "noisy":
        return ", compared with other noisy views"
    return f", compared with noisy pixels, by {evaluation.compared_with}"


def results_table(results: Sequence[SetEvaluation]) -> Table:
    """The table of one set of images, or of several."""
    if len(results) > 1:
        return sets_table(results)
    sigma = results[0].set.sigma
    return evaluation_table(results[0].evaluation, "" if sigma is None else f", sigma {sigma:g}")


def sets_table(results: Sequence[SetEvaluation]) -> Table:
    """PSNR and SSIM of the same on several sets of images, one below the other."""
    table = Table()
    table.add_column("data", overflow="fold")
    table.add_column("", no_wrap=True)
    for name in ("PSNR", "gain", "SSIM"):
        table.add_column(name, justify="right", no_wrap=True)
    for result in results:
        evaluation = result.evaluation
        lines = zip_longest(_about(result), evaluation.methods, fillvalue="")
        for about, method in lines:
            score = evaluation.methods.get(method)
            if score is None:
                table.add_row(cell(about))
                continue
            cells = (_psnr(score), _gain(score, evaluation), _ssim(score))
            table.add_row(cell(about), TITLES[method], *cells, style=_style(method))
        table.add_section()
    return table


def _about(result: SetEvaluation) -> list[str]:
    """What a set of images is, in a few lines."""
    sigma = result.set.sigma
    lines = [result.set.label, count_of("image", len(result.set))]
    return lines if sigma is None else [*lines, f"sigma {sigma:g}"]


def _style(method: str) -> str:
    return "bold" if method == "model" else ""


def _psnr(score: Score) -> str:
    return f"{score.psnr:.2f} dB"


def _gain(score: Score, evaluation: Evaluation) -> str:
    return "" if score is evaluation.noisy else f"{score.psnr - evaluation.noisy.psnr:+.2f} dB"


def _ssim(score: Score) -> str:
    return "" if score.ssim is None else f"{score.ssim:.3f}"
