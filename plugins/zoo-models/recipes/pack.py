"""Put a trained run into the distribution: weights for inference, and their line of models.toml.

From an environment where zoo and zoo-models (``pip install -e``) are installed::

    python recipes/pack.py RUN NAME

RUN is a run's folder (its best weights) or a checkpoint; the card of NAME must be there,
``zoo_models/cards/NAME.toml``. The same run gives the same file, to the byte.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import tomli
import tomli_w

from zoo.files import write_text
from zoo.plugins.registry import load_registry
from zoo.train.checkpoint import load_checkpoint, save_checkpoint
from zoo.train.inference_checkpoint import for_inference
from zoo.train.run_directory import find_checkpoint

PACKAGE = Path(__file__).parents[1] / "zoo_models"
HEADER = "# The models by name; written by recipes/pack.py.\n"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("name", metavar="NAME")
    options = parser.parse_args()
    path = pack(options.run, options.name, PACKAGE)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


def pack(run: Path, name: str, package: Path) -> Path:
    """Write the weights, the line of ``models.toml`` and the card's duration; gives the weights.

    Args:
        run: a run's folder or a checkpoint.
        name: the model's.
        package: the folder with ``cards``, ``weights`` and ``models.toml``.
    """
    card_path = package / "cards" / f"{name}.toml"
    card = tomli.loads(card_path.read_text("utf-8"))
    source, _ = find_checkpoint(run)
    content = load_checkpoint(source)
    weights = package / "weights" / f"{name}.pkl"
    weights.parent.mkdir(exist_ok=True)
    save_checkpoint(weights, for_inference(content, load_registry()))
    index = package / "models.toml"
    models = tomli.loads(index.read_text("utf-8"))
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    models[name] = {"summary": card["title"], "sha256": digest}
    write_text(index, HEADER + tomli_w.dumps(dict(sorted(models.items()))))
    card["training"]["duration"] = duration(content, source.with_name("environment.json"))
    card.pop("measured", None)  # of other weights
    write_text(card_path, tomli_w.dumps(card))
    return weights


def duration(content: dict[str, Any], environment: Path) -> str:
    """``20 epochs, 93 minutes on cpu (1 threads)``: up to the epoch of these weights."""
    metrics = content["metrics"]
    minutes = sum(epoch["seconds"] for epoch in metrics) / 60
    words = f"{len(metrics)} epochs, {minutes:.0f} minutes"
    if not environment.is_file():
        return words
    return f"{words} on {json.loads(environment.read_text('utf-8'))['device']}"


if __name__ == "__main__":
    main()
