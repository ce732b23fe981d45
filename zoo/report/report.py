"""The page of one run, and that of several."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from zoo.describe.signs import no_better
from zoo.plugins.registry import Registry
from zoo.report.comparison import comparison, labels, same_runs, settings
from zoo.report.curves import curves, overlaid
from zoo.report.facts import backend, facts, origin
from zoo.report.layers_section import layers_section, signs
from zoo.report.measured import (
    MEASURED,
    compared_with,
    is_no_better,
    reference,
    why_not_comparable,
)
from zoo.report.network import network_section
from zoo.report.page import Section, render, render_page
from zoo.report.picture_section import MOST_RUNS, of_epoch, of_run, of_runs, picture_section
from zoo.report.plain import number, text
from zoo.report.removed_section import removed_section
from zoo.report.run_files import RunFiles
from zoo.report.scales import compact, duration, short
from zoo.report.scores import scores

STATES: Mapping[str, str] = {
    "finished": "Trained for {epochs} and evaluated.",
    "trained": "Trained for {epochs}, and not evaluated.",
    "training": "Training goes on: {done} of {all} epochs so far.",
    "stopped": "Stopped after {done} of {all} epochs; --resume goes on there.",
    "diverged": "Training diverged in epoch {at} of {all}: a number became infinite or NaN.",
    "begun": "Not one epoch is finished.",
}

MOST_BYTES = 1_950_000  # of a page with pictures, which take what the other parts leave
FIXED = 30_000  # bytes of style, script and headings

Tile = tuple[str, str, str]


def run_page(run: RunFiles, registry: Registry) -> str:
    """The page of a run.

    Args:
        run: what its folder has.
        registry: what is installed.
    """
    first, *others = [
        scores(run.evaluation),
        curves(run),
        removed_section(run.pictures),
        layers_section(run.moments),
        network_section(run.architecture, registry),
        facts(run),
    ]
    summary = _summary(run)
    made = f"Denoised by the weights {of}." if (of := of_epoch(run)) else ""
    pictures = picture_section(of_run(run.pictures), _left(summary, first, *others), made)
    return render_page(run.title, [first, pictures, *others], summary)


def runs_page(runs: Sequence[RunFiles]) -> str:
    """The page of several runs: a table, what differs in their settings, and their curves.

    Args:
        runs: what their folders have.
    """
    names = labels(runs)
    missing = [f"{name}: {it}" for run, name in zip(runs, names, strict=True) for it in run.missing]
    why = why_not_comparable(runs, names)
    head = render(
        "runs.html",
        said=f"{len(runs)} runs, in the order in which they were named.",
        notices=[sentence for sentence in (*same_runs(runs, names), why) if sentence],
        missing=missing,
    )
    first = comparison(runs, names, psnr=not why)
    others = [overlaid(runs, names, psnr=not why), settings(runs, names)]
    common = of_runs([run.pictures for run in runs], names)
    sections = [
        *first,
        picture_section(common, _left(head, *first, *others), _made(runs, names)),
        *others,
    ]
    return render_page(f"{len(runs)} runs", sections, head)


def _made(runs: Sequence[RunFiles], names: Sequence[str]) -> str:
    """Of which epochs the pictures of several runs are."""
    shown = list(zip(runs, names, strict=True))[:MOST_RUNS]
    known = [(name, of_epoch(run)) for run, name in shown]
    said = "; ".join(f"{name}: {of}" for name, of in known if of)
    return f"Denoised by the weights of each run: {said}." if said else ""


def _left(head: Markup, *sections: Section) -> int:
    """How many bytes of pictures there is room for beside other sections."""
    used = sum(len(part.encode()) for part in (head, *(section.body for section in sections)))
    return (MOST_BYTES - FIXED - used) * 3 // 4  # base64 makes four of three


def _summary(run: RunFiles) -> Markup:
    notices = [run.diverged.sentence] if run.diverged is not None else []
    if by := backend(run):
        notices.append(f'The steps were computed by {by} (train.backend = "{by}"), not by zoo.')
    if worse := is_no_better(run):
        said = no_better(*(number(run.evaluation.get(key)) for key in ("psnr", "psnr_noisy")))
        notices.append(f"{said[:1].upper()}{said[1:]}")
    state, done, compared = run.state, run.latest, compared_with(run)
    other = f"Outputs are compared with {reference(compared)}, not with clean images."
    return render(
        "summary.html",
        state=state,
        worse=worse,
        origin=origin(run),
        against=other if compared not in ("", "clean") else "",
        said=STATES[state].format(
            done=done,
            all=run.wanted_epochs or "?",
            at=_diverged_in(run),
            epochs=f"{done:,} epoch{'s' * (done != 1)}",
        ),
        description=text(run.resolved.get("description"), 1000),
        tiles=list(_tiles(run)),
        notices=[*notices, *signs(run)],
        missing=run.missing,
    )


def _diverged_in(run: RunFiles) -> int:
    known = run.diverged.epoch if run.diverged is not None else 0
    return known or run.latest + 1


def _tiles(run: RunFiles) -> Sequence[Tile]:
    """The numbers that matter most."""
    tiles: list[Tile] = []
    psnr, noisy = (number(run.evaluation.get(key)) for key in ("psnr", "psnr_noisy"))
    compared = compared_with(run)
    noisy_views = " against noisy views" if compared == "noisy" else ""
    if math.isfinite(psnr) and compared in MEASURED:
        gain = f"{psnr - noisy:+.2f} dB over the noisy images" if math.isfinite(noisy) else ""
        tiles.append((f"PSNR{noisy_views}", f"{psnr:.2f} dB", gain.replace("-", "−")))
    elif not run.evaluation and math.isfinite(best := run.best_psnr):
        tiles.append((f"best validation PSNR{noisy_views}", f"{best:.2f} dB", ""))
    ssim, before = (number(run.evaluation.get(key)) for key in ("ssim", "ssim_noisy"))
    if math.isfinite(ssim) and compared in MEASURED:
        tiles.append(("SSIM", f"{ssim:.3f}", f"noisy {short(before)}"))
    if run.architecture is not None:
        info = run.architecture.shapes.info
        tiles.append(("parameters", compact(info.parameters), ""))
        tiles.append(("multiply-adds", compact(info.multiply_adds / run.pixels), "a pixel"))
    if run.epochs:
        seconds = [epoch.seconds for epoch in run.epochs if epoch.seconds >= 0]
        steps = f"{run.epochs[-1].step:,} steps"
        tiles.append(("training time", duration(sum(seconds)), steps))
    return tiles
