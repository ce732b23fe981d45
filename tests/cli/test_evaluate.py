from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from zoo.plugins.discovery import discover
from zoo.plugins.registry import load_registry


@pytest.fixture
def expected(finished: Any) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((finished.path / "evaluation.json").read_text())
    return content


def test_a_run_is_its_best_checkpoint_on_what_it_held_out(
    finished: Any, cli: Callable[..., Any], expected: dict[str, Any]
) -> None:
    result = cli("evaluate", finished.path, "--json")
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out) == {**expected, "data": "held out"}


def test_the_table(finished: Any, cli: Callable[..., Any]) -> None:
    result = cli("evaluate", finished.path)
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[:2] == ["device: cpu (1 threads)", f"model: tiny, {finished.path / 'best.pkl'}"]
    assert lines[2] == (
        "data: held out, 1 image (2.png); noise gaussian, sigma 25 is added; outputs are compared "
        "with the images before that"
    )
    closing = finished.result.out.splitlines()[8:-3]
    assert lines[3:] == closing


def test_a_checkpoint_alone_is_enough(
    finished: Any, cli: Callable[..., Any], expected: dict[str, Any], tmp_path: Path
) -> None:
    shutil.copy(finished.path / "best.pkl", tmp_path / "model.pkl")
    result = cli("evaluate", "model.pkl", "--json")
    assert result.code == 0
    assert json.loads(result.out)["psnr"] == expected["psnr"]
    (tmp_path / "run").mkdir()
    shutil.copy(finished.path / "last.pkl", tmp_path / "run")
    assert json.loads(cli("evaluate", "run", "--json").out)["weights"] == "last"


def test_a_folder_of_images_of_any_size(
    finished: Any, cli: Callable[..., Any], base: Path, tmp_path: Path
) -> None:
    shutil.copytree(base / "photos", tmp_path / "own")
    Image.effect_noise((33, 9), 50).save(tmp_path / "own" / "odd.png")  # grey, as well
    content = json.loads(cli("evaluate", finished.path, "--data", "own", "--json").out)
    assert (content["data"], content["n_images"]) == ("own", 6)
    assert [image["name"] for image in content["per_image"]] == [
        *(f"{index}.png" for index in range(5)),
        "odd.png",
    ]
    assert content["per_image"][5]["ssim"] is None


def test_the_demo_is_the_photograph_that_no_run_trains_on(
    finished: Any, cli: Callable[..., Any]
) -> None:
    content = json.loads(cli("evaluate", finished.path, "--data", "demo", "--json").out)
    assert [image["name"] for image in content["per_image"]] == ["chelsea"]


def test_pairs(finished: Any, cli: Callable[..., Any], base: Path, tmp_path: Path) -> None:
    """Pairs are compared as they are: an image with itself has no error."""
    first, second = torch.randint(256, (2, 3, 3, 16, 16), dtype=torch.uint8)
    torch.save((first, second), tmp_path / "pairs.pkl")
    content = json.loads(cli("evaluate", finished.path, "--data", "pairs.pkl", "--json").out)
    assert [image["name"] for image in content["per_image"]] == [
        f"pairs.pkl[{index}]" for index in range(3)
    ]
    error = (first / 255 - second / 255).double().square().mean((1, 2, 3))
    assert content["psnr_noisy"] == pytest.approx(float((-10 * error.log10()).mean()), rel=1e-5)

    for name, pair in (("a", first), ("b", second)):
        (tmp_path / name).mkdir()
        (tmp_path / "both").mkdir(exist_ok=True)
        for index, image in enumerate(pair):
            picture = Image.fromarray(image.permute(1, 2, 0).numpy())
            picture.save(tmp_path / name / f"{index}.png")
            picture.save(tmp_path / "both" / f"{index}_{name}.png")
    for source in ("a,b", "pairs:both"):
        again = json.loads(cli("evaluate", finished.path, "--data", source, "--json").out)
        assert again["psnr"] == content["psnr"]
        assert again["psnr_noisy"] == content["psnr_noisy"]


def test_a_checkpoint_with_a_layer_that_is_not_installed(
    finished: Any, cli: Callable[..., Any], tmp_path: Path
) -> None:
    content = torch.load(finished.path / "best.pkl", weights_only=True)
    content["architecture"] = content["architecture"].replace('"relu"', '"telu"')
    torch.save(content, tmp_path / "other.pkl")
    result = cli("evaluate", "other.pkl")
    assert (result.code, result.out) == (5, "")
    built_in = load_registry(discover({"ZOO_PLUGINS": ""})).names("layer")
    assert result.err == (
        'other.pkl:26:8: layers[1].type: is "telu". Use one of: '
        f'{", ".join(sorted([*built_in, "probe"]))}. Did you mean "relu"?\n'
    )


@pytest.mark.parametrize("columns", ["20", "60", "100"])
def test_no_name_or_number_of_the_table_is_cut(
    finished: Any, cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    lines = cli("evaluate", finished.path).out.splitlines()
    assert "…" not in "".join(lines)
    assert [line for line in lines if line.endswith(" ")] == []
    names = [line.split("  ")[0] for line in lines if " dB" in line]
    assert names == ["noisy input", "gaussian blur, 0.9 px", "non-local means", "this model"]
