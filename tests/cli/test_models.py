"""``zoo models``, and installed models where other commands take one."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.models import CARD, install

MEASURED = {
    "parameters": 1234,
    "receptive_field": [7, 9],
    "speed": {"megapixels_per_second": 1.5, "on": "cpu (2 threads), 1024x1536 pixels"},
    "psnr": [
        {
            "pictures": "Set14",
            "sigma": 25,
            "seed": 0,
            "dB": {"model": 30.256, "noisy": 20.2, "bm3d": 29.9, "own": 1.0},
        },
        {"pictures": "chelsea", "sigma": 7.5, "seed": 0, "dB": {"model": 31.0}},
    ],
}
CARD_TEXT = """\
# tiny-photo: Small pictures of a test

## Use it for

- Tests.

## Not for

- Photographs.

## Limits

- It has seen five pictures.

## Figures

1,234 parameters; a pixel depends on 7x9 pixels around it.
1.5 megapixels/s (cpu (2 threads), 1024x1536 pixels).

Mean PSNR in dB, gaussian noise of standard deviation sigma:

| pictures | sigma | noisy |  BM3D | **this model** |  own |
| -------- | ----: | ----: | ----: | -------------: | ---: |
| Set14    |    25 | 20.20 | 29.90 |          30.26 | 1.00 |
| chelsea  |   7.5 |       |       |          31.00 |      |

## Trained on

- 0 to 4: a generator; CC0-1.0

## Trained with

```sh
zoo run tiny.toml
```

Noise: gaussian, sigma 0 to 50. Targets: noisy photographs.

## Licence

The weights: CC0-1.0. Nobody need be named.
"""


@pytest.fixture
def site(
    finished: Any, cli: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Path]:
    """A folder to import from, in which ``zoo-t-models`` has the model ``tiny-photo``."""
    folder = tmp_path / "site"
    folder.mkdir()
    install(folder, finished.path / "best.pkl", card={**CARD, "measured": MEASURED})
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("ZOO_PLUGINS", "zoo-t-models")
    yield folder
    sys.modules.pop("zoo_t_models", None)


def test_without_models(cli: Callable[..., Any]) -> None:
    assert cli("models").out == "No trained model is installed.\n"
    assert json.loads(cli("models", "--json").out) == []
    result = cli("models", "photo")
    assert (result.code, result.err) == (
        2,
        "zoo models: there is no model 'photo'. Models: none.\n",
    )


def test_the_list(cli: Callable[..., Any], site: Path) -> None:
    result = cli("models")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        "name        summary     channels   MB  provided by",
        "tiny-photo  for a test         3  0.0  zoo-t-models 1.0",
    ]
    weights = site / "zoo_t_models" / "weights.pkl"
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    summary = {
        "name": "tiny-photo",
        "summary": "for a test",
        "channels": 3,
        "bytes": weights.stat().st_size,
        "sha256": digest,
        "distribution": "zoo-t-models",
        "version": "1.0",
    }
    assert json.loads(cli("models", "--json").out) == [summary]
    card = {**CARD, "measured": MEASURED}
    described = json.loads(cli("models", "tiny-photo", "--json").out)
    assert described == {**summary, "file": str(weights), "card": card}


def test_the_card(cli: Callable[..., Any], site: Path) -> None:
    result = cli("models", "zoo-t-models:tiny-photo")
    assert (result.code, result.err) == (0, "")
    assert result.out == CARD_TEXT


def test_a_misspelt_name(cli: Callable[..., Any], site: Path) -> None:
    assert cli("models", "tiny-foto").err == (
        "zoo models: there is no model 'tiny-foto'. Did you mean tiny-photo? Models: tiny-photo.\n"
    )


def test_a_broken_card_does_not_hide_the_model(cli: Callable[..., Any], site: Path) -> None:
    path = site / "zoo_t_models" / "card.toml"
    path.write_text(path.read_text().replace("channels = 3", 'channels = "three"'))
    message = (
        f"model 'tiny-photo': its card {path}: channels: 'three' is not of type 'integer'. "
        "The fields of a card are in zoo's schemas/model_card.json.\n"
    )
    result = cli("models")
    assert (result.code, result.err) == (0, f"warning: {message}")
    cells = result.out.splitlines()[1].split()
    assert cells == ["tiny-photo", "for", "a", "test", "0.0", "zoo-t-models", "1.0"]
    result = cli("models", "tiny-photo")
    assert (result.code, result.out, result.err) == (3, "", message)
    path.write_text("title = ")
    message = f"model 'tiny-photo': its card {path}: no TOML: Invalid value (at end of document).\n"
    assert cli("models", "tiny-photo").err == message
    path.unlink()
    message = f"model 'tiny-photo': its card {path}: cannot be read: No such file or directory.\n"
    assert cli("models", "tiny-photo").err == message


def test_a_missing_file(cli: Callable[..., Any], site: Path) -> None:
    path = site / "zoo_t_models" / "weights.pkl"
    path.unlink()
    assert "missing" in cli("models").out
    assert json.loads(cli("models", "--json").out)[0]["bytes"] is None
    result = cli("evaluate", "tiny-photo")
    assert (result.code, result.out, result.err) == (
        5,
        "",
        f"model 'tiny-photo': {path}: cannot be read: No such file or directory. "
        "Install again what has zoo_t_models.\n",
    )


def test_plugins_lists_models(cli: Callable[..., Any], site: Path) -> None:
    (plugin,) = (
        item
        for item in json.loads(cli("plugins", "--json").out)
        if item["distribution"] == "zoo-t-models"
    )
    assert (plugin["state"], plugin["contributes"]) == ("works", {"model": ["tiny-photo"]})


def test_an_installed_model_is_evaluated(
    finished: Any, cli: Callable[..., Any], site: Path, base: Path
) -> None:
    photos = ("--data", base / "photos", "--json")
    found = json.loads(cli("evaluate", "tiny-photo", *photos).out)
    expected = json.loads(cli("evaluate", finished.path, *photos).out)
    assert found == {**expected, "weights": "tiny-photo"}


def test_a_plugin_check_looks_at_models(cli: Callable[..., Any], site: Path) -> None:
    result = cli("plugin", "check", "zoo-t-models")
    assert (result.code, result.err) == (0, "")
    assert "model tiny-photo: 3 checks passed" in result.out.splitlines()
    path = site / "zoo_t_models" / "card.toml"
    path.write_text(path.read_text().replace("channels = 3", "channels = 1"))
    result = cli("plugin", "check", "zoo-t-models")
    assert result.code == 3
    assert (
        "model tiny-photo: its card says 1 channels, and the network has 3. Correct the card."
        in result.out
    )
