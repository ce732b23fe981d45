"""A data set's check as a whole: findings, pairings and a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from zoo.data.sets import Images
from zoo.data_check.finding import ERROR, NOTE, OK, WARNING, Finding, worst_first, worst_level
from zoo.data_check.measured import Measured, measure
from zoo.data_check.on_noise import of_correlation, of_noise
from zoo.data_check.on_pairs import of_alignment, of_brightness, of_views
from zoo.data_check.on_pictures import (
    of_clipping,
    of_copies,
    of_identical,
    of_pictures,
    of_range,
)
from zoo.data_check.pairings import BLURRED, NO, STRIDE, Pairing, judge_pairings, pairing_of

RULES = of_pictures, of_range, of_copies, of_identical, of_alignment
OF_WHITE = of_brightness, of_views, of_noise, of_correlation, of_clipping  # grey levels of 255


@dataclass(frozen=True)
class Report:
    """What was found out.

    Attributes:
        measured: the figures.
        findings: in sentences, in the order in which they are measured.
        pairings: what can be learnt from the data.
    """

    measured: Measured
    findings: tuple[Finding, ...]
    pairings: tuple[Pairing, ...]

    @property
    def usable(self) -> bool:
        """Whether the data can be used at all, as they were asked for."""
        return worst_level(self.findings) != ERROR

    @property
    def verdict(self) -> str:
        """In one sentence."""
        levels = [finding.level for finding in self.findings]
        if not self.usable:
            wrong = worst_first(self.findings)[0]
            return f"The data cannot be used like this: {wrong.figure}"
        if not (warnings := levels.count(WARNING)):
            return "Nothing is wrong with the data"
        return f"The data can be used, with {warnings} warning{'s' if warnings > 1 else ''}"

    def to_dict(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        return {
            "verdict": self.verdict,
            "usable": self.usable,
            "findings": [asdict(finding) for finding in self.findings],
            "pairings": [asdict(pairing) for pairing in self.pairings],
            "measured": _plain(self.measured),
        }


def check_images(
    images: Images,
    target: str | None = None,
    *,
    copies: bool = True,
    types: Mapping[str, int] | None = None,
) -> Report:
    """Check a data set; the time is bounded but for the search for copies.

    Args:
        images: as a source has read them.
        target: the name of the pairing that they are meant for; None for any.
        copies: whether copies are looked for.
        types: of values in the files, and how many have each; None for those of the images.
    """
    measured = measure(images, copies=copies, types=types)
    pairings = judge_pairings(measured)
    findings = [finding for rule in RULES for finding in rule(measured)]
    if measured.range_remarks:
        findings += [_in_doubt(finding) for rule in OF_WHITE for finding in rule(measured)]
    else:
        findings += [finding for rule in OF_WHITE for finding in rule(measured)]
    if target is not None:
        findings += _of_target(pairing_of(pairings, target))
    return Report(measured, tuple(findings), pairings)


def worst_findings(images: Images, target: str | None = None) -> list[Finding]:
    """Errors and warnings about a data set, the worst first, in a few seconds for any size.

    Copies are not looked for: the split does that, and says so.
    """
    return worst_first(check_images(images, target, copies=False).findings)


def _in_doubt(finding: Finding) -> Finding:
    """A finding whose figure is right only if white is."""
    if finding.level != OK:
        return finding
    return replace(finding, level=NOTE, meaning="in doubt, as white is: see range", advice="")


def _of_target(pairing: Pairing) -> Iterator[Finding]:
    toml = f'target = {{ type = "{pairing.name}", stride = 2 }}'
    if pairing.answer == NO:
        yield Finding(ERROR, "target", f"{pairing.name}: {pairing.reason}", "", "See the pairings")
    elif pairing.answer == BLURRED:
        yield Finding(WARNING, "target", f"{pairing.name}: {pairing.reason}")
    elif pairing.answer == STRIDE:
        yield Finding(WARNING, "target", f"{pairing.name}: {pairing.reason}", "", f"Say {toml}")


def _plain(measured: Measured) -> dict[str, Any]:
    """The figures, with what follows from them."""
    content = asdict(measured)
    content.pop("names")
    for name in ("pictures", "noise", "correlation", "clipping"):
        part = getattr(measured, name)
        if part is not None:
            content[name] |= {
                key: getattr(part, key)
                for key, kind in vars(type(part)).items()
                if isinstance(kind, property)
            }
    if measured.alignment is not None:
        content["alignment"]["scenes"] = {
            measured.names[index]: asdict(motion)
            for index, motion in measured.alignment.scenes.items()
        }
    return content
