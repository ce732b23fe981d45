"""The closing table of ``zoo run`` and ``zoo evaluate``."""

from __future__ import annotations

from rich.table import Table

from zoo.cli.console import count_of
from zoo.train.evaluation import Evaluation, Score

NAMES = {
    "gaussian_blur": "gaussian blur, 0.9 px",
    "non_local_means": "non-local means",
}


def evaluation_table(evaluation: Evaluation) -> Table:
    """PSNR both ways and SSIM of the model, the noisy input and the classical methods."""
    count = len(evaluation.per_image)
    mean = ", mean" if count > 1 else ""
    table = Table(title=f"{count_of('image', count)}{mean}", title_justify="left")
    table.add_column("", no_wrap=True)
    for name in ("PSNR", "gain", "PSNR of mean MSE", "SSIM"):
        table.add_column(name, justify="right", no_wrap=True)
    rows = {"noisy input": evaluation.noisy}
    rows |= {NAMES.get(name, name): score for name, score in evaluation.baselines.items()}
    for name, score in rows.items():
        table.add_row(name, *_cells(score, evaluation.noisy))
    table.add_row("this model", *_cells(evaluation.model, evaluation.noisy), style="bold")
    return table


def _cells(score: Score, noisy: Score) -> tuple[str, ...]:
    gain = "" if score is noisy else f"{score.psnr - noisy.psnr:+.2f} dB"
    similarity = "" if score.ssim is None else f"{score.ssim:.3f}"
    return f"{score.psnr:.2f} dB", gain, f"{score.psnr_of_mean_mse:.2f} dB", similarity
