"""What is wrong with workers, such as other versions than the client's, and how that is said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from zoo.cluster.links import LostWorkerError, call
from zoo.cluster.software import SAME, differences
from zoo.errors import PluginError, UsageError

MOST_NAMED = 5  # workers, in a message


def unlike(client: Any, addresses: Iterable[str], needs: Mapping[str, str]) -> dict[str, list[str]]:
    """What is other on each of some workers, in words; those that do not answer are left out."""
    from distributed.versions import get_versions  # which a worker has that has no zoo

    found = {}
    for address in addresses:
        with suppress(LostWorkerError):
            has = call(client, address, get_versions, list(needs))["packages"]
            found[address] = list(differences(needs, has))
    return found


def by_problem(problems: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The addresses of the workers that have each problem, from the problems of each address."""
    found: dict[str, list[str]] = {}
    for address in sorted(problems):
        for what in problems[address]:
            found.setdefault(what, []).append(address)
    return found


def refuse(cluster: str, problems: Mapping[str, Sequence[str]]) -> None:
    """Refuse a cluster of which workers have problems, as :func:`by_problem` gives them.

    Raises:
        PluginError: all are of plugins.
        UsageError: others are.
    """
    if problems:
        kinds = [what.startswith("the plugin ") for what in problems]
        error = PluginError if all(kinds) else UsageError
        raise error(*(line_of(cluster, what, them) for what, them in problems.items()))


def line_of(cluster: str, what: str, addresses: Sequence[str]) -> str:
    """A problem of some workers, and what helps."""
    names = ", ".join(addresses[:MOST_NAMED])
    more = len(addresses) - MOST_NAMED
    names += f" and {more} more" if more > 0 else ""
    advice = (
        "Install the same on every worker."
        if what.partition(" ")[0] in (*SAME, "the")
        else "Give the worker another --local-directory."
    )
    return f"--cluster {cluster}: {names}: {what}. {advice}"
