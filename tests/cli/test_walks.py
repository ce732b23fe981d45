"""The walks of docs/walks, each carried out on small data: its commands, then what can go wrong.

Of a block ``sh`` each command has to work, in order; what takes long is made short. Of a block
``console`` the command prints each of the lines below it.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import tomli
import torch
from PIL import Image

from tests.cli.conftest import Result

pytest.importorskip("zoo_residual")
Array = np.ndarray[Any, np.dtype[Any]]
Walk = Callable[[str], dict[str, Result]]

ROOT = Path(__file__).parents[2]
SHORT_RUN = (
    *("--epochs", "1", "--set", "data.samples_per_epoch=16", "--device", "cpu"),
    *("--set", "vars.width=8", "--set", "vars.depth=1"),
    *("--set", "input.height=16", "--set", "input.width=16"),
)
SHORT_SELF = ("--minutes", "0.01")
REFUSED = {  # with exit code 4, or 2 for what is wrong with the command line
    **dict.fromkeys(("binned.tif", "burst:loose/", "first/,same_seed/", "list.pkl"), 4),
    **{"first/,unfinished/": 4, "zoo denoise --self scan.png": 2},
}


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / "docs" / "walks" / f"{page}.md").read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


def commands(text: str) -> Iterator[str]:
    return filter(None, text.replace("\\\n", " ").splitlines())


def shortened(command: str) -> list[str]:
    """The arguments of a command, with those that make it short."""
    words = shlex.split(command)[1:]
    if words[0] == "run":
        return [*words, *SHORT_RUN]
    return [*words, *SHORT_SELF] if "--self" in words and "--minutes" not in words else words


@pytest.fixture
def walk(cli: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Walk:
    """``walk(page)`` carries out a page; the result of each of its commands that have to work."""
    monkeypatch.setenv("ZOO_PLUGINS", "zoo-residual")
    for name in ("architectures", "plugins"):
        (tmp_path / name).symlink_to(ROOT / name)

    def carry_out(page: str) -> dict[str, Result]:
        results = {}
        for command in (it for text in blocks(page, "sh") for it in commands(text)):
            results[command] = cli(*shortened(command))
            assert results[command].code == 0, (command, results[command])
        for text in blocks(page, "console"):
            command, *lines = text.removeprefix("$ ").splitlines()
            result = cli(*shortened(command))
            code = next((code for part, code in REFUSED.items() if part in command), 0)
            said = " ".join((result.out + result.err).split())
            assert result.code == code, (command, said)
            for line in lines:
                assert " ".join(line.split()) in said, command
        return results

    return carry_out


def scene(draws: np.random.Generator, height: int, width: int, channels: int = 1) -> Array:
    """Soft blobs on a dark ground, (height, width, channels) in [0, 1]."""
    y, x = np.mgrid[:height, :width, :1][:2]
    image = np.full((height, width, channels), 0.1)
    for _ in range(height * width // 800):
        centre, size = draws.uniform((0, 0), (height, width)), draws.uniform(3, 9)
        distance = (y - centre[0]) ** 2 + (x - centre[1]) ** 2
        image += draws.uniform(0.1, 0.4, channels) * np.exp(-distance / (2 * size**2))
    return image.clip(0, 1)


def to_bytes(image: Array) -> Array:
    return np.rint(255 * image).clip(0, 255).astype(np.uint8)


def save(image: Array, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".tif":
        tifffile.imwrite(file, image.astype(np.float32), photometric="rgb")
    else:
        Image.fromarray(to_bytes(image).squeeze()).save(file)


def save_stack(counts: Array, file: str) -> None:
    tifffile.imwrite(file, np.rint(counts).astype(np.uint16), imagej=True, metadata={"axes": "TYX"})


def test_a_microscopy_stack(walk: Walk) -> None:
    draws = np.random.default_rng(0)
    scenes = [scene(draws, 128, 128)[..., 0] for _ in range(6)]

    def counts(clean: Array) -> Array:
        return 2.0 * draws.poisson(400 * clean) + 100

    stack = np.stack([counts(clean) for clean in scenes])
    save_stack(stack, "stack.tif")
    save_stack(np.stack([counts(scenes[0]) for _ in range(4)]), "still.tif")
    save_stack((stack[:, 1:, 1:] + stack[:, 1:, :-1] + stack[:, :-1, 1:]) / 3, "binned.tif")
    walk("microscopy")
    with tifffile.TiffFile("stack.denoised.tif") as file:
        after, axes = file.asarray(), file.series[0].axes
    assert (after.dtype, after.shape, axes) == (np.uint16, (6, 128, 128), "TYX")
    assert after.mean() == pytest.approx(stack.mean(), rel=0.01)
    assert stack.max() * 1.05 > after.max() > np.quantile(stack, 0.999)  # which is white
    low, high = tomli.loads(Path("runs/stack/architecture.toml").read_text())["data"]["range"]
    assert stack.min() <= low < high <= stack.max()
    assert json.loads(Path("runs/stack/evaluation.json").read_text())["compared_with"] == (
        "neighbors"
    )
    assert json.loads(Path("runs/still/evaluation.json").read_text())["compared_with"] == "noisy"
    assert Path("look.png").is_file()
    assert Path("still.denoised.tif").is_file()


def test_night_photographs_in_bursts(walk: Walk) -> None:
    draws = np.random.default_rng(0)
    for night in range(3):
        clean = scene(draws, 128, 128, 3)
        for shot in range(3):
            noisy = draws.poisson(80 * clean) / 80
            save(noisy, Path(f"nights/{night}/{shot}.png"))
            save(np.roll(noisy, 2 * shot, 1), Path(f"handheld/{night}/{shot}.png"))
            if night == 0:
                save(noisy[:32, :32], Path(f"loose/{shot}.png"))
    results = walk("night")
    (run,) = (it.out for command, it in results.items() if command.startswith("zoo run"))
    assert "1 image, compared with other noisy views" in run
    assert "Against clean images this model would have" in run
    evaluation = json.loads(Path("runs/nights/evaluation.json").read_text())
    assert evaluation["compared_with"] == "noisy"
    assert evaluation["psnr_estimate"] > evaluation["psnr"]
    assert len(list(Path("denoised").rglob("*.png"))) == 9


def test_one_noisy_scan(walk: Walk) -> None:
    draws = np.random.default_rng(0)
    noisy = scene(draws, 96, 128)[..., 0] * 0.7 + 0.15 + draws.normal(0, 0.06, (96, 128))
    save(noisy, Path("scan.png"))
    Image.open("scan.png").save("scan.jpg", quality=60)
    walk("scan")
    with Image.open("scan.denoised.png") as after:
        assert (after.size, after.mode) == ((128, 96), "L")
        assert np.asarray(after).mean() == pytest.approx(to_bytes(noisy).mean(), abs=2)
    assert Path("look.png").is_file()


def test_rendered_pairs(walk: Walk) -> None:
    draws = np.random.default_rng(0)
    for frame in range(4):
        clean = 2 * scene(draws, 96, 96, 3)  # lamps are brighter than white
        save(clean, Path(f"finished/frame{frame}.tif"))
        for folder in ("first", "second"):
            save(draws.gamma(8, clean / 8), Path(f"{folder}/frame{frame}.tif"))
        first = tifffile.imread(f"first/frame{frame}.tif")
        save(first, Path(f"same_seed/frame{frame}.tif"))
        if frame < 3:
            save(first, Path(f"unfinished/frame{frame}.tif"))
    *_, evaluated = walk("render").values()
    assert "4 images, mean\n" in evaluated.out  # compared with clean ones
    before, after = (tifffile.imread(f"{it}/frame0.tif") for it in ("first", "denoised"))
    assert (after.dtype, after.shape) == (np.float32, before.shape)
    assert after.max() > 1.5
    assert after.mean() == pytest.approx(before.mean(), rel=0.05)


def test_files_of_ee559(walk: Walk) -> None:
    draws = np.random.default_rng(0)
    large = np.stack([scene(draws, 128, 128, 3) for _ in range(24)])
    large *= draws.uniform(0.6, 1.4, (24, 128, 128, 1))  # texture, which is what becomes noise
    cells = large.reshape(24, 32, 4, 32, 4, 3).transpose(0, 1, 3, 5, 2, 4).reshape(-1, 3, 16)

    def noisy() -> Array:
        """One pixel of each cell, for all its colours."""
        return cells[np.arange(len(cells)), :, draws.integers(16, size=len(cells))]

    def tensor(pixels: Array) -> torch.Tensor:
        return torch.from_numpy(to_bytes(pixels.reshape(24, 32, 32, 3).transpose(0, 3, 1, 2)))

    first, second, clean = tensor(noisy()), tensor(noisy()), tensor(cells.mean(-1))
    torch.save((first, second), "train_data.pkl")
    torch.save((first, clean), "val_data.pkl")
    torch.save([first, second, clean], "list.pkl")
    _, trained, evaluated = walk("ee559").values()
    assert "compared with other noisy views" in trained.out
    assert "24 images, mean\n" in evaluated.out  # compared with clean ones
    assert "PSNR of mean MSE" in evaluated.out
