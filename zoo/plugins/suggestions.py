"""What a misspelt name was meant to be, and what to say of it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from itertools import islice

from zoo.plugins.synonyms import MEANT

LONGEST = 100  # characters of a name, which takes time that grows with its square
MOST = 1000  # names to compare with
SIMILAR = 0.66  # of 0 to 1, as difflib counts: sdg and sgd have 0.67, tanh and relu 0


def suggest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that ``word`` was most likely meant to be, None where no one is close.

    First what others call a candidate (:mod:`zoo.plugins.synonyms`), then what is written alike.

    Case, ``_``, ``-``, and a module in front do not count, so that a class of torch.nn finds the
    layer: ``nn.ConvTranspose2d`` gives ``conv_transpose2d``. Among equals the first in the
    alphabet is taken.
    """
    if len(word) > LONGEST:
        return None
    plain: dict[str, str] = {}
    short = (name for name in candidates if len(name) <= LONGEST)
    for candidate in sorted(islice(short, MOST)):
        plain.setdefault(_plain(candidate), candidate)
    wanted = _plain(word)
    if MEANT.get(wanted) in plain.values():
        return MEANT[wanted]
    swapped = (name for name in plain if sorted(name) == sorted(wanted))  # rl is lr
    close = [*swapped, *get_close_matches(wanted, sorted(plain), n=1, cutoff=SIMILAR)]
    return plain[close[0]] if close else None


def unknown_name(
    problem: str, name: str, names: Collection[str], title: str, failures: Iterable[object]
) -> str:
    """The message about a name that nothing installed has.

    Args:
        problem: what is wrong, a sentence.
        name: what was written.
        names: what could have been.
        title: what those are called.
        failures: of plugins, one of which may have it.
    """
    meant = suggest(name, names)
    sentences = [
        problem,
        f"Did you mean {meant}?" if meant else "",
        f"{title}: {', '.join(names) or 'none'}.",
        *(f"It may be of a plugin that failed: {failure}" for failure in failures),
    ]
    return " ".join(filter(None, sentences))


def _plain(name: str) -> str:
    """The letters and digits of a name: ``nn.Conv2d`` and ``conv_2d`` are ``conv2d``."""
    name = re.sub(r"^(\w+\.)*nn\.(?=\w)", "", name)
    return re.sub(r"[\W_]", "", name).lower()
