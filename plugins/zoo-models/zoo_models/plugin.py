"""What the plugin adds to zoo: trained models. No torch.

``models.toml`` has the summary and the sha256 of each; ``recipes/pack.py`` writes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

import tomli

import zoo

zoo_api = ">=1.1,<2"


@zoo.hookimpl
def zoo_models() -> Iterator[zoo.ModelEntry]:
    """The models for photographs."""
    models = tomli.loads(files("zoo_models").joinpath("models.toml").read_text("utf-8"))
    for name, facts in models.items():
        yield zoo.ModelEntry(
            name=name,
            file=f"zoo_models:weights/{name}.pkl",
            sha256=facts["sha256"],
            card=f"zoo_models:cards/{name}.toml",
            summary=facts["summary"],
        )
