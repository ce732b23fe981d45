from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import tomli

from tests.export.conftest import TINY, trained
from tests.models import install, installed
from zoo.export.trained import Trained, load
from zoo.train.checkpoint import save_checkpoint


def checkpoint(made: Trained, path: Path) -> None:
    empty = {"plugins": {}}
    content = {"model": made.network.state_dict(), "architecture": made.architecture.text}
    metrics = [{**made.metrics, "val_psnr": 20.5}, dict(made.metrics)]
    save_checkpoint(path, {**empty, **content, "metrics": metrics, "versions": {"zoo": "0.1.0"}})


def test_an_installed_model_says_its_licence(tmp_path: Path) -> None:
    made = trained(TINY)
    checkpoint(made, tmp_path / "a.pkl")
    install(tmp_path, tmp_path / "a.pkl")
    with installed(tmp_path) as registry:
        said = load("zoo-t-models:tiny-photo", registry, print).provenance()
        assert load(str(tmp_path / "a.pkl"), registry, print).licence == ""
    expected = replace(made, name="zoo-t-models:tiny-photo", licence="CC0-1.0").provenance()
    assert said == {**expected, "architecture": said["architecture"]}


def test_folders_of_the_machine_are_not_told(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    text = TINY.replace('source = "demo"', 'source = { type = "folder", path = "photos" }')
    made = trained(text, folder=tmp_path)
    checkpoint(made, tmp_path / "a.pkl")
    said = load(str(tmp_path / "a.pkl"), made.registry, print).provenance()["architecture"]
    assert str(tmp_path) in made.architecture.text
    assert str(tmp_path) not in said
    assert tomli.loads(said)["layers"] == tomli.loads(made.architecture.text)["layers"]
