"""Pictures of two and of five channels from training to denoising."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

import zoo

Cli = Callable[..., Any]

FORMS: dict[str, Any] = {
    "imagej": {"imagej": True, "metadata": {"axes": "CYX"}},
    "ome": {"ome": True, "metadata": {"axes": "CYX"}},
    "planar": {"photometric": "minisblack", "planarconfig": "separate", "metadata": None},
    "contiguous": {"photometric": "minisblack", "planarconfig": "contig", "metadata": None},
}


def write_files(folder: Path, channels: int) -> dict[Path, Any]:
    """A picture (C, H, W) in each form."""
    folder.mkdir()
    draws = np.random.default_rng(0)
    written = {}
    for name, options in FORMS.items():
        coarse = draws.integers(0, 255, (channels, 5, 6), np.uint8)
        values = written[folder / f"{name}.tif"] = coarse.repeat(4, 1).repeat(4, 2)
        stored = np.moveaxis(values, 0, -1) if name == "contiguous" else values
        tifffile.imwrite(folder / f"{name}.tif", stored, **options)
    return written


@pytest.mark.parametrize("channels", [2, 5])
def test_from_training_to_denoising(channels: int, base: Path, cli: Cli) -> None:
    written = write_files(Path("photos"), channels)
    text = (base / "tiny.toml").read_text()
    last = 'out_channels = { var = "input.channels" }'
    Path("net.toml").write_text(text.replace("out_channels = 3", last))
    changes = ("--set", f"input.channels={channels}", "--epochs", "1")
    done = cli("run", "net.toml", *changes, "--out", "run")
    assert (done.code, done.err) == (0, "")
    with Image.open("run/examples.png") as examples:
        assert examples.mode == "RGB"
    assert cli("evaluate", "run").code == 0

    denoiser = zoo.load("run")
    for path, values in written.items():
        result = cli("denoise", "run", path, "-o", "out.tif", "--compare", "look.png")
        assert result.code == 0
        with tifffile.TiffFile(path) as before, tifffile.TiffFile("out.tif") as after:
            assert before.series[0].axes == after.series[0].axes
            found = after.asarray()
        found = np.moveaxis(found, -1, 0) if "contiguous" in path.name else found
        np.testing.assert_array_equal(found, denoiser(values, axes="CYX"))
        Path("out.tif").unlink()
        Path("look.png").unlink()

    refused = cli("export", "run", "-o", "x.dtmodel")
    assert (refused.code, refused.err.splitlines()[-1]) == (
        2,
        f"x.dtmodel: the network takes {channels} channels. darktable's images have 3; use a "
        "network of 3 channels, or of 1.",
    )
    assert cli("export", "run", "-o", "x.safetensors").code == 0


def test_pictures_of_other_channels(base: Path, cli: Cli) -> None:
    write_files(Path("photos"), 5)
    Path("photos/ome.tif").rename("a.tif")
    names = ", ".join(
        f"{Path.cwd()}/photos/{name}.tif" for name in ("contiguous", "imagej", "planar")
    )
    assert cli("run", base / "tiny.toml", "--data", "photos", "--out", "run").err.splitlines() == [
        f"3 files ({names}): each has 5 channels, and the architecture takes 3. "
        "Set input.channels = 5.",
        "3 of 3 picture files cannot be used. Mend them, or take them out.",
    ]


def test_a_network_for_one_picture_of_five_channels(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("zoo_residual")  # whose layers the network has
    monkeypatch.setenv("ZOO_PLUGINS", "zoo-residual")
    written = write_files(Path("photos"), 5)
    path = next(iter(written))
    result = cli("denoise", "--self", path, "--minutes", "0.02", "-o", "out.tif")
    assert result.code == 0, result.err
    with tifffile.TiffFile(path) as before, tifffile.TiffFile("out.tif") as after:
        assert before.series[0].axes == after.series[0].axes
        assert before.series[0].shape == after.series[0].shape
