"""Checkpoints for inference alone: what a trained model is given away as."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

import tomli
import tomli_w

from zoo.plugins.registry import Registry
from zoo.train.checkpoint import FOR_TRAINING


def for_inference(content: Mapping[str, Any], registry: Registry) -> dict[str, Any]:
    """What :func:`zoo.train.checkpoint.save_checkpoint` saves of a model that is given away.

    The weights and all that is known of them, without optimizer, progress, random numbers and the
    names of the images; the folders of the machine that it was trained on are taken out of the
    architecture. The same checkpoint gives the same bytes.

    Args:
        content: a run's checkpoint.
        registry: what is installed: it knows which parameters of a source are paths.

    Raises:
        KeyError: the plugin of the run's source is not installed.
    """
    left_out = ("format", *FOR_TRAINING, "data")
    kept = {key: value for key, value in content.items() if key not in left_out}
    kept["architecture"] = _without_folders(content["architecture"], registry)
    # copies: a tensor that is a part of a larger one would be saved with all of it
    kept["model"] = {name: value.clone() for name, value in content["model"].items()}
    return kept


def _without_folders(text: str, registry: Registry) -> str:
    """A resolved architecture whose sources name no folder, or one by its last name at most."""
    document = tomli.loads(text)
    comments = [
        f"# data.{key}.{name} was {tomli_w.dumps({'x': value}).removeprefix('x = ')}"
        for key in ("source", "validation")
        for name, value in _cut(document["data"].get(key), registry)
    ]
    return "".join(comments) + tomli_w.dumps(document)


def _cut(source: dict[str, Any] | None, registry: Registry) -> Iterator[tuple[str, str]]:
    """Cut the paths of a source's table; gives the names and last names of those that it had."""
    if source is None:
        return
    schema = registry.get("source", source["type"]).entry.schema
    for name, parameter in schema["properties"].items():
        if "x-zoo-path" in parameter and name in source:
            last = PurePath(source.pop(name)).name
            if name in schema.get("required", ()):
                source[name] = last
            yield name, last
