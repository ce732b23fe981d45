"""``zoo data check``: what it prints and writes, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import tomli
import torch
from PIL import Image

from tests.data_check.making import demosaicked, gaussian, scene, to_bytes

Cli = Callable[..., Any]


def write(file: Path, image: np.ndarray[Any, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(to_bytes(image).transpose(1, 2, 0)).save(file)


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Folders of pairs and pictures, in the folder that commands run in."""
    draws = np.random.default_rng(0)
    for number in range(4):
        clean, moved = scene(number), scene(number, place=lambda y, x: (y - 1, x))
        noise = gaussian(12)
        first = noise(clean, draws)
        for folder, second in (("good", clean), ("shifted", moved)):
            write(tmp_path / folder / f"{number}_a.png", first)
            write(tmp_path / folder / f"{number}_b.png", noise(second, draws))
        write(tmp_path / "same" / f"{number}_a.png", first)
        write(tmp_path / "same" / f"{number}_b.png", noise(clean, draws) if number else first)
        write(tmp_path / "smooth" / f"{number}.png", demosaicked(20)(clean, draws))
        twelve = np.rint(np.clip(first, 0, 1) * 4095).astype(np.uint16).transpose(1, 2, 0)
        (tmp_path / "twelve").mkdir(exist_ok=True)
        tifffile.imwrite(tmp_path / "twelve" / f"{number}.tif", twelve, photometric="rgb")
    return tmp_path


def test_good_pairs(sources: Path, cli: Cli) -> None:
    result = cli("data", "check", "pairs:good")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert all(len(line) <= 80 and line == line.rstrip() for line in lines)
    assert lines[0].split() == [
        "ok",
        "pictures",
        "4",
        "pairs,",
        "160x128,",
        "3",
        "channels,",
        "uint8",
    ]
    assert lines[-1] == "Nothing is wrong with the data."
    (line,) = (line for line in lines if line.startswith("noise = "))
    assert tomli.loads(line)["noise"]["type"] == "poisson_gaussian"  # on one line, to be pasted
    assert "\nyes         noisy          Two views of each scene\n" in result.out


def test_what_is_wrong_is_said_with_what_to_do(sources: Path, cli: Cli) -> None:
    result = cli("data", "check", "pairs:shifted")
    assert result.code == 0
    text = " ".join(result.out.split())
    assert "warning shift 1.0" in text
    assert "Align the pairs to 0.1 pixels" in text
    assert result.out.endswith("\nThe data can be used, with 1 warning.\n")


def test_identical_pairs_are_a_line_beside_the_others(sources: Path, cli: Cli) -> None:
    result = cli("data", "check", "pairs:same")
    assert (result.code, result.err) == (4, "")
    assert "error       same twice     1 of 4 pairs have the same picture twice (0)\n" in result.out
    assert "\nok          noise          Sigma 12.0, between the views\n" in result.out
    verdict = "The data cannot be used like this: 1 of 4 pairs have the same picture twice (0)."
    assert result.out.splitlines()[-1] == verdict


def test_a_target_that_the_data_do_not_allow(sources: Path, cli: Cli) -> None:
    assert cli("data", "check", "smooth").code == 0
    result = cli("data", "check", "smooth", "--target", "noisy")
    assert result.code == 4
    last = "The data cannot be used like this: noisy: no pairs."
    assert result.out.splitlines()[-1] == last


def test_all_of_it_as_json(sources: Path, cli: Cli) -> None:
    result = cli("data", "check", "pairs:good", "--json")
    assert (result.code, result.err) == (0, "")
    content = json.loads(result.out)
    assert content["usable"]
    assert {it["what"] for it in content["findings"]} >= {"shift", "noise", "correlation"}
    assert {it["name"]: it["answer"] for it in content["pairings"]}["neighbors"] == "yes"
    measured = content["measured"]
    assert measured["noise"]["toml"].startswith('noise = { type = "poisson_gaussian"')
    assert measured["noise"]["sigma"] == pytest.approx(12, rel=0.05)
    assert measured["alignment"]["common"]["down"] == pytest.approx(0, abs=0.1)
    assert len(measured["noise"]["points"]) > 3


def test_the_plot_is_written_once(sources: Path, cli: Cli) -> None:
    result = cli("data", "check", "pairs:good", "-o", "plot.png")
    assert result.code == 0
    with Image.open("plot.png") as image:
        assert image.size == (720, 480)
    result = cli("data", "check", "pairs:good", "-o", "plot.png")
    assert (result.code, result.err) == (2, "--output plot.png: already there. Use another name.\n")
    result = cli("data", "check", "pairs:good", "-o", "plot.jpg")
    expected = "--output plot.jpg: a PNG is written. Use a name that ends in .png.\n"
    assert (result.code, result.err) == (2, expected)
    result = cli("data", "check", "pairs:good", "-o", "none/plot.png")
    assert result.err == "--output none/plot.png: there is no folder none. Make it first.\n"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder in which no file can be made")
@pytest.mark.parametrize(
    ("command", "where"),
    [
        ("data check pairs:good -o /proc/x.png", "--output /proc/x.png"),
        ("evaluate none --csv /proc/x.csv", "--csv /proc/x.csv"),
        ("export none -o /proc/x.onnx", "/proc/x.onnx"),
        ("schema -o /proc/x.json", "/proc/x.json"),
        ("new /proc/x.toml", "/proc/x.toml"),
        ("denoise none good/0_a.png --compare /proc/x.png", "/proc/x.png"),
    ],
)
def test_an_output_that_cannot_be_written_is_refused_before_the_work(
    sources: Path, cli: Cli, command: str, where: str
) -> None:
    result = cli(*command.split())
    assert (result.code, result.out, result.err) == (
        2,
        "",
        f"{where}: no file can be made in /proc: No such file or directory. Use another folder.\n",
    )


def test_the_range(sources: Path, cli: Cli) -> None:
    result = cli("data", "check", "twelve", "--json")
    findings = {it["what"]: it for it in json.loads(result.out)["findings"]}
    assert findings["range"]["level"] == "warning"
    assert "--range 0,4095, or --range auto" in findings["range"]["advice"]
    result = cli("data", "check", "twelve", "--range", "0,4095", "--json")
    content = json.loads(result.out)
    assert content["measured"]["pictures"]["types"] == [["uint16", 4]]
    assert content["measured"]["range_remarks"] == []
    assert content["range"] == [0, 4095]
    assert content["measured"]["noise"]["sigma"] == pytest.approx(12, rel=0.1)
    for wrong in ("4095", "9,3", "0,nan", "a,b"):
        result = cli("data", "check", "twelve", "--range", wrong)
        assert result.code == 2
        assert "Use the values of black and white, as in 0,4095, or auto." in result.err
    for wrong in ("0,1e-300", "0,1e308", "1,1.0000000001", "-1e308,1e308"):
        result = cli("data", "check", "twelve", "--range", wrong)
        assert result.code == 2
        assert f"is {wrong}. Use values up to 1e30, which differ by more than" in result.err
    result = cli("data", "check", "demo", "--range", "0,4095")
    assert (result.code, result.err) == (2, "--range: the source demo takes none. Leave it out.\n")


def test_the_range_that_counts_span(cli: Cli, tmp_path: Path) -> None:
    draws = np.random.default_rng(0)
    for number in range(2):
        counts = 100 + 900 * gaussian(12)(scene(number)[:1], draws)[0]
        tifffile.imwrite(tmp_path / f"{number}.tif", np.rint(counts).astype(np.uint16))
    plain = json.loads(cli("data", "check", ".", "--json").out)
    assert plain["range"] is None
    assert {it["name"]: it["answer"] for it in plain["pairings"]}["neighbors"] == "unknown"
    result = cli("data", "check", ".", "--range", "auto", "--json")
    content = json.loads(result.out)
    low, high = content["range"]
    assert 100 < low < 400 < 700 < high < 1000
    sigma = 12 * 900 / (high - low)  # in grey levels of 255
    assert content["measured"]["noise"]["sigma"] == pytest.approx(sigma, rel=0.1)
    assert {it["name"]: it["answer"] for it in content["pairings"]}["neighbors"] == "yes"
    shown = cli("data", "check", ".", "--range", "auto").out
    assert f"\nrange = [{low:.6g}, {high:.6g}]\n" in shown

    for number in range(2):
        tifffile.imwrite(tmp_path / f"{number}.tif", np.full((64, 64), 7, np.uint16))
    result = cli("data", "check", ".", "--range", "auto")
    expected = (
        f"folder {tmp_path}: nearly all values are 7, so that --range cannot be 'auto'. "
        "Give the values of black and white, such as [0, 4095].\n"
    )
    assert (result.code, result.err) == (4, expected)


def test_grey_pairs_of_a_file_have_one_channel(cli: Cli, tmp_path: Path) -> None:
    grey = torch.stack([torch.from_numpy(to_bytes(scene(it)[:1])) for it in range(3)])
    draws = torch.Generator().manual_seed(0)
    noisy = [
        (grey + 15 * torch.randn(grey.shape, generator=draws)).clamp(0, 255).byte()
        for _ in range(2)
    ]
    torch.save(tuple(noisy), "grey.pkl")
    result = cli("data", "check", "grey.pkl", "--json")
    assert result.code == 0
    assert json.loads(result.out)["measured"]["pictures"]["channels"] == 1


def test_what_cannot_be_read(cli: Cli, tmp_path: Path) -> None:
    result = cli("data", "check", "none")
    assert (result.code, result.out) == (4, "")
    (tmp_path / "bad.pkl").write_bytes(b"no pairs")
    assert cli("data", "check", "bad.pkl").code == 4


def test_help_names_the_command(cli: Cli) -> None:
    assert "check  Say what is wrong or doubtful" in cli("data").out
