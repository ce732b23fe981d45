"""That workers have the client's versions: looked at before anything is made for them, or here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from zoo.cluster.links import BETWEEN_LOOKS, require_threads
from zoo.cluster.software import SAME, differences
from zoo.errors import PluginError, UsageError

MOST_NAMED = 5  # workers, in a message


def require_alike(
    client: Any, cluster: str, needs: Mapping[str, str], wait: Callable[[], object]
) -> None:
    """Wait for workers, and refuse a cluster in which one has other versions.

    Args:
        client: of the cluster.
        cluster: its name, for messages.
        needs: the versions, as :func:`~zoo.cluster.software.needed` gives them.
        wait: told, once, that there are no workers yet.

    Raises:
        PluginError: a plugin is missing on one, or another version.
        UsageError: another version of something else.
        ClusterError: the scheduler is gone.
    """
    if not require_threads(client, cluster):
        wait()
    while not (there := require_threads(client, cluster)):
        time.sleep(BETWEEN_LOOKS)
    refuse(cluster, by_problem(unlike(client, there, needs)))


def unlike(client: Any, addresses: Iterable[str], needs: Mapping[str, str]) -> dict[str, list[str]]:
    """What is other on each of some workers, in words; those that are gone are left out."""
    asked = set(addresses)
    if not asked:
        return {}
    found = client.get_versions(packages=list(needs))["workers"]
    return {it: list(differences(needs, found[it]["packages"])) for it in asked & found.keys()}


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
