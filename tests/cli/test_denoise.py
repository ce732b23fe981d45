from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

import zoo
from zoo.architecture import read_architecture
from zoo.cli import denoising
from zoo.compiler import Compiler
from zoo.inference.file import denoise_file
from zoo.plugins.registry import load_registry
from zoo.train.checkpoint import save_checkpoint

Cli = Callable[..., Any]


def pixels(*shape: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A grey slope with noise."""
    slope = np.linspace(60, 190, shape[1])[None, :, None][..., : shape[2] if shape[2:] else 1]
    noise = np.random.default_rng(0).normal(0, 10, (*shape[:2], (*shape, 1)[2]))
    return np.rint(slope + noise).astype(np.uint8).reshape(shape)


def write(name: str, *shape: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    image = pixels(*shape)
    Image.fromarray(image).save(name)
    return image


def read(name: str) -> np.ndarray[Any, np.dtype[Any]]:
    return np.array(Image.open(name))


@pytest.fixture(scope="module")
def model(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of ``tiny.toml``, whose network has its initial weights."""
    registry = load_registry()
    file = base / "tiny.toml"
    network = Compiler(read_architecture(file, registry), registry).model(torch.Generator())
    content = {"model": network.state_dict(), "architecture": file.read_text()}
    path = tmp_path_factory.mktemp("model") / "tiny.pkl"
    save_checkpoint(path, {**content, "plugins": {}, "versions": {}, "metrics": []})
    return path


def names(folder: str) -> list[str]:
    """Of all files below a folder, temporary ones too."""
    return [path.name for path in sorted(Path(folder).rglob("*")) if path.is_file()]


def test_a_picture_beside_its_input_as_in_python(model: Path, cli: Cli) -> None:
    image = write("a.png", 50, 70, 3)
    result = cli("denoise", model, "a.png")
    assert (result.code, result.err) == (0, "")
    line = result.out.splitlines()
    assert len(line) == 1
    said = (
        r"a\.png -> a\.denoised\.png: 70x50, [\d.]+ s, sigma [\d.]+ -> [\d.]+, removed: not only "
    )
    assert re.match(said, line[0])
    np.testing.assert_array_equal(read("a.denoised.png"), zoo.load(model)(image))
    np.testing.assert_array_equal(read("a.png"), image)


def test_the_options_are_those_of_python(model: Path, cli: Cli) -> None:
    image, denoise = write("a.png", 20, 24, 3), zoo.load(model)
    for options, arguments in (
        (("--strength", "0.5"), {"strength": 0.5}),
        (("--ensemble",), {"ensemble": True}),
        (("--tile", "16"), {"tile": 16}),
        (("--strength", "0"), {"strength": 0}),
    ):
        assert cli("denoise", model, "a.png", "--overwrite", *options).code == 0
        np.testing.assert_array_equal(read("a.denoised.png"), denoise(image, **arguments))


def test_another_format_and_a_finer_depth(model: Path, cli: Cli) -> None:
    """What is gained by averaging is not rounded away."""
    image = write("a.png", 20, 24, 3)
    result = cli("denoise", model, "a.png", "-o", "b.tif", "--depth", "16")
    assert (result.code, result.err) == (0, "")
    expected = zoo.load(model)(image / np.float32(255))
    written = tifffile.imread("b.tif")
    assert written.dtype == np.uint16
    np.testing.assert_allclose(written, np.clip(expected, 0, 1) * 65535, atol=0.6)


def test_a_folder_with_a_bad_file(model: Path, cli: Cli) -> None:
    write("in/a.png", 16, 16, 3)
    write("in/deep/b.bmp", 20, 20, 3)
    Path("in/bad.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    Path("in/notes.txt").write_text("no picture")
    result = cli("denoise", model, "in", "-o", "out")
    assert result.code == 4
    assert result.err == (
        "warning: in: 3 picture files; left out: 1 .txt (notes.txt)\n"
        "in/bad.png: damaged, or not a file of this kind. "
        "Images are PNG, JPEG, TIFF, BMP or WebP files.\n"
    )
    lines = result.out.splitlines()
    assert [line.split(":")[0] for line in lines[:2]] == [
        "in/a.png -> out/a.png",
        "in/deep/b.bmp -> out/deep/b.bmp",
    ]
    assert lines[2].startswith("2 pictures denoised, ")
    assert lines[2].endswith(" MP/s, 1 failed: in/bad.png")
    assert names("out") == ["a.png", "b.bmp"]


def test_what_is_there_is_kept_or_skipped_or_replaced(model: Path, cli: Cli) -> None:
    write("in/a.png", 16, 16, 3)
    write("in/b.png", 16, 16, 3)
    Path("out").mkdir()
    Path("out/a.png").write_text("mine")
    result = cli("denoise", model, "in", "-o", "out")
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        "out/a.png: is there already. Use --skip-existing to go on without it, or --overwrite.\n"
    )
    assert not Path("out/b.png").exists()
    result = cli("denoise", model, "in", "-o", "out", "--skip-existing")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[0] == "in/a.png -> out/a.png: is there already"
    assert result.out.splitlines()[2].endswith(" MP/s, 1 were there already")
    assert Path("out/a.png").read_text() == "mine"
    assert cli("denoise", model, "in", "-o", "out", "--overwrite").code == 0
    assert read("out/a.png").shape == (16, 16, 3)


def test_json_has_a_record_of_each_file(model: Path, cli: Cli) -> None:
    write("in/a.png", 48, 64, 3)
    write("in/c.png", 16, 16, 3)
    name = os.fsdecode(b"in/b\n\xff.png")
    Path(name).write_bytes(b"")
    Path("out").mkdir()
    write("out/c.png", 8, 8, 3)
    result = cli("denoise", model, "in", "-o", "out", "--skip-existing", "--json")
    assert result.code == 4
    assert result.err == (
        "in/b\\u000a\\udcff.png: the file is empty. "
        "Images are PNG, JPEG, TIFF, BMP or WebP files.\n"
    )
    done, failed, skipped = json.loads(result.out)
    assert (done["input"], done["output"], done["status"]) == ("in/a.png", "out/a.png", "done")
    assert (done["format"], done["axes"], done["shape"]) == ("PNG", "YX", [48, 64, 3])
    assert done["precision"] in {"fast", "float32"}  # with compiled kernels, or without
    assert done["sigma_before"] > 5
    assert set(done["removed"]) == {"across", "down", "diagonal", "lag_2", "lag_8"}
    assert (failed["input"], failed["status"]) == (name, "failed")
    assert failed["error"] == result.err[:-1]
    assert skipped == {"input": "in/c.png", "output": "out/c.png", "status": "skipped"}


def test_a_colour_model_on_grey_pictures_says_so_once(model: Path, cli: Cli) -> None:
    image = write("a.png", 20, 20)
    write("b.png", 20, 20)
    result = cli("denoise", model, "a.png", "b.png", "-o", "out")
    assert (result.code, result.err) == (
        0,
        "warning: the model is for colour pictures: "
        "grey ones are given to it as three equal colours, "
        "of which it removes far less noise than a model for grey pictures would\n",
    )
    np.testing.assert_array_equal(read("out/a.png"), zoo.load(model)(image))


def test_a_stack_page_by_page(model: Path, cli: Cli) -> None:
    stack = np.stack([pixels(20, 30) + np.uint8(step) for step in range(6)]).reshape(2, 3, 20, 30)
    tifffile.imwrite("s.tif", stack, imagej=True, metadata={"axes": "TZYX"})
    result = cli("denoise", model, "s.tif")
    assert result.code == 0
    assert result.out.startswith("s.tif -> s.denoised.tif: 2 x 3 x 30x20, ")
    with tifffile.TiffFile("s.denoised.tif") as tiff:
        assert tiff.is_imagej
        assert tiff.series[0].axes == "TZYX"
        written = tiff.asarray()
    np.testing.assert_array_equal(written, zoo.load(model)(stack, axes="TZYX"))


def test_pages_that_are_colours(model: Path, cli: Cli) -> None:
    stack = np.stack([pixels(20, 30) + np.uint8(step) for step in range(6)]).reshape(2, 3, 20, 30)
    tifffile.imwrite("s.tif", stack, ome=True, metadata={"axes": "TCYX"})
    denoise = zoo.load(model)
    said = cli("denoise", model, "s.tif", "-o", "c.tif")
    assert (said.code, said.err) == (
        0,
        "warning: s.tif: its three channels are denoised together; --axes TZYX is for each by "
        "itself\n",
    )
    np.testing.assert_array_equal(tifffile.imread("c.tif"), denoise(stack, axes="TCYX"))
    assert cli("denoise", model, "s.tif", "--axes", "TZYX", "-o", "p.tif").code == 0
    np.testing.assert_array_equal(tifffile.imread("p.tif"), denoise(stack, axes="TZYX"))
    result = cli("denoise", model, "s.tif", "--axes", "YX")
    assert (result.code, result.err) == (
        4,
        "s.tif: its axes are TCYX, 2 x 3 x 20 x 30, and --axes is YX. "
        "Use as many letters, each once, with YX for a page.\n",
    )


def test_twelve_bits_in_sixteen(model: Path, cli: Cli) -> None:
    image = pixels(32, 32, 3).astype(np.uint16) * 16
    tifffile.imwrite("a.tif", image, photometric="rgb")
    result = cli("denoise", model, "a.tif", "--strength", "0")
    assert result.err == (
        f"warning: a.tif: its values go up to {image.max()}, and white is 65535. "
        "If another value is white, say so: --white 4095.\n"
    )
    result = cli("denoise", model, "a.tif", "--white", "4095", "--overwrite")
    assert (result.code, result.err) == (0, "")
    expected = zoo.load(model)(image, white=4095)
    np.testing.assert_array_equal(tifffile.imread("a.denoised.tif"), expected)


def test_noise_that_is_correlated_is_warned_of(model: Path, cli: Cli) -> None:
    noise = np.random.default_rng(0).normal(0, 14, (256, 256))
    smooth = (noise + np.roll(noise, 1, 1)) / 2**0.5
    for name in ("a.png", "b.png"):
        Image.fromarray(np.rint(128 + smooth).astype(np.uint8)).convert("RGB").save(name)
    result = cli("denoise", model, "a.png", "b.png")
    assert result.code == 0
    first, second = result.err.splitlines()
    assert first.startswith("warning: a.png: its noise is alike at neighbouring pixels (0.")
    assert first.endswith(
        "). It is so in a camera's JPEG, or where there is no flat part to measure. Models "
        "trained on independent noise remove little of such noise, and sigma is estimated too low."
    )
    assert second.startswith("warning: b.png: its noise is alike at neighbouring pixels (0.")
    assert second.endswith(")"), "what that means is said once"


def test_before_after_and_what_was_removed(model: Path, cli: Cli) -> None:
    write("a.png", 600, 900, 3)
    assert cli("denoise", model, "a.png", "--compare", "c.png").code == 0
    with Image.open("c.png") as comparison:
        assert comparison.width > 3 * 400
    refused = cli("denoise", model, "a.png", "--compare", "c.png", "-o", "b.png")
    assert (refused.code, refused.err) == (
        2,
        "c.png: is there already. Use another name, or --overwrite.\n",
    )


def test_the_picture_is_written_even_if_nothing_can_be_measured(
    model: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise ValueError("no")

    monkeypatch.setattr("zoo.inference.file.measure", fail)
    image = write("a.png", 20, 20, 3)
    result = cli("denoise", model, "a.png")
    assert (result.code, result.err) == (
        0,
        "warning: a.png: nothing could be measured: ValueError: no\n",
    )
    assert "no noise to measure" in result.out
    np.testing.assert_array_equal(read("a.denoised.png"), zoo.load(model)(image))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_keeps_what_is_done_and_says_how_to_go_on(
    number: signal.Signals,
    code: int,
    model: Path,
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The signal comes while the second file is in work."""
    for name in "abc":
        write(f"in/{name}.png", 16, 16, 3)
    files = []

    def stopped_in_the_second(*arguments: Any, **options: Any) -> Any:
        files.append(arguments[1])
        if len(files) == 2:
            os.kill(os.getpid(), number)
        return denoise_file(*arguments, **options)

    monkeypatch.setattr(denoising, "denoise_file", stopped_in_the_second)
    result = cli("denoise", model, "in", "-o", "out")
    command = f"zoo denoise {shlex.quote(str(model))} in -o out --skip-existing"
    assert (result.code, result.err) == (
        code,
        f"stopped: 1 of 3 pictures done. Go on with: {command}\n",
    )
    assert names("out") == ["a.png"]
    result = cli(*shlex.split(command)[1:])
    assert result.code == 0
    assert names("out") == ["a.png", "b.png", "c.png"]


def test_standard_streams(model: Path, plugins: Path, tmp_path: Path) -> None:
    image = pixels(20, 24, 3)
    Image.fromarray(image).save(tmp_path / "a.png")
    result = subprocess.run(
        [sys.executable, "-m", "zoo", "denoise", str(model), "-"],
        input=(tmp_path / "a.png").read_bytes(),
        env=os.environ | {"PYTHONPATH": str(plugins), "ZOO_PLUGINS": "", "OMP_NUM_THREADS": "1"},
        cwd=tmp_path,
        capture_output=True,
        check=True,
        timeout=600,
    )
    (tmp_path / "b.png").write_bytes(result.stdout)
    np.testing.assert_array_equal(read(str(tmp_path / "b.png")), zoo.load(model)(image))
    assert result.stderr.startswith(b"<stdin> -> <stdout>: 24x20, ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--strength", "2"), "--strength 2: is not between 0 and 1."),
        (("--strength", "1.0000001"), "--strength 1.0000001: is not between 0 and 1."),
        (("--white", "0"), "--white 0: is not a number from 1e-30 to 1e30."),
        (("--white", "1e-300"), "--white 1e-300: is not a number from 1e-30 to 1e30."),
        (("--white", "1e308"), "--white 1e+308: is not a number from 1e-30 to 1e30."),
        (("--white", "nan"), "--white nan: is not a number from 1e-30 to 1e30."),
        (("--compare", "c.jpg"), "--compare: is a PNG. Use a name that ends in .png."),
        (("",), "INPUT...: is empty. Name a file or folder."),
        (("-o", ""), "--output: is empty. Name a file or folder."),
        (("x" * 300 + ".png",), f"{'x' * 300}.png: File name too long. Use another."),
        (("b.png", "--compare", "c.png"), "--compare: is of one picture, and there are 2."),
        (
            ("-o", "-", "--json"),
            "--json: the standard output gets the picture. Use -o FILE.",
        ),
    ],
)
def test_impossible_commands(arguments: tuple[str, ...], message: str, cli: Cli) -> None:
    result = cli("denoise", "no_model", "a.png", *arguments)
    assert (result.code, result.out, result.err) == (2, "", f"{message}\n")


def test_standard_streams_that_are_closed(
    model: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", None)  # as Python has it where a shell closed it
    result = cli("denoise", model, "-", "-o", "b.png")
    message = "-: the standard input is closed. Use a file, or a pipe.\n"
    assert (result.code, result.out, result.err) == (2, "", message)


@pytest.mark.parametrize(
    "error", [MemoryError("25.7 MiB"), RuntimeError("[enforce fail] can't allocate memory")]
)
def test_too_little_memory(
    error: Exception, model: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise error

    write("a.png", 16, 16, 3)
    monkeypatch.setattr("zoo.inference.denoiser.Denoiser.__call__", fail)
    result = cli("denoise", model, "a.png", "-o", "b.png")
    message = "a.png: there is not enough memory for it. Use a smaller --tile.\n"
    assert (result.code, result.err) == (4, message)
    assert names(".") == ["a.png"]


def test_a_missing_model_and_a_missing_input(model: Path, cli: Cli) -> None:
    write("a.png", 16, 16, 3)
    assert cli("denoise", "nowhere", "a.png").code == 5
    result = cli("denoise", model, "missing.png", "a.png")
    assert result.code == 4
    assert result.err == (
        "missing.png: no such file. Images are PNG, JPEG, TIFF, BMP or WebP files.\n"
    )
    assert Path("a.denoised.png").exists()


def test_a_folder_that_cannot_be_made(model: Path, cli: Cli) -> None:
    write("in/sub/a.png", 16, 16, 3)
    Path("out").mkdir()
    Path("out/sub").write_text("a file")
    result = cli("denoise", model, "in", "-o", "out")
    assert (result.code, result.err) == (4, "out/sub: cannot be made: File exists.\n")


SELF = """
format = 1
name = "tiny"
input = { channels = 3, height = 16, width = 16 }
layers = [{ type = "conv2d", out_channels = { var = "input.channels" }, kernel_size = 1 }]
data = { noise = "none", target = "neighbors", samples_per_epoch = 8 }
train = { batch_size = 4 }
"""


def test_a_network_trained_on_the_picture_alone(cli: Cli) -> None:
    Path("net.toml").write_text(SELF)
    for name in ("a.png", "b.png"):
        Image.effect_noise((40, 40), 50).save(name)
    Image.new("L", (9, 9)).save("small.png")
    result = cli("denoise", "--self", "a.png", "b.png", "small.png", "--network", "net.toml")
    assert result.code == 4
    assert result.err == (
        "small.png: is 9 x 9 pixels (height x width), and 16 x 16 are needed to train on it.\n"
    )
    assert Path("a.denoised.png").exists()
    assert "2 pictures denoised" in result.out
    assert re.search(
        r"a\.denoised\.png: 40x40, trained \d+ s \(20 steps\), denoised .*, "
        r"non-local means with h \d\.\d sigma is likely better\n",
        result.out,
    )
    options = ("--network", "net.toml", "--json", "--overwrite")
    again = cli("denoise", "--self", "a.png", *options)
    assert json.loads(again.out)[0]["status"] == "done"
    training = json.loads(again.out)[0]["training"]
    assert training["steps"] == 20
    assert training["estimate"]["likely_better"] == "non_local_means"
    assert training["estimate"]["network"] > training["estimate"]["non_local_means"] > 0
    short = cli("denoise", "--self", "a.png", *options, "--minutes", "1e-6")
    assert short.err == (
        "warning: a.png: trained for 10 of the usual 20 steps. More steps denoise better: leave "
        "--minutes out, or give more\n"
    )


def test_what_cannot_be_written_is_refused_before_training(cli: Cli) -> None:
    """A picture too small to train on: the message would be another one later."""
    Path("net.toml").write_text(SELF)
    tifffile.imwrite("a.tif", np.zeros((9, 9), np.float32))
    result = cli("denoise", "--self", "a.tif", "--network", "net.toml", "--format", "png")
    assert (result.code, result.err) == (
        4,
        "a.tif: cannot be written as PNG, with values of float of 32 bits. It holds 8 or 16 bits: "
        "give --depth 16.\n",
    )
    Path("out").write_text("a file")
    result = cli("denoise", "--self", "a.tif", "--network", "net.toml", "-o", "out/a.tif")
    assert (result.code, result.err) == (4, "out: cannot be made: File exists.\n")


def test_what_self_does_not_use_of_a_network_is_said(cli: Cli) -> None:
    Path("net.toml").write_text(SELF.replace('"none"', '"gaussian", range = [0, 4095]'))
    Image.effect_noise((40, 40), 50).save("a.png")
    result = cli("denoise", "--self", "a.png", "--network", "net.toml")
    assert (result.code, result.err) == (
        0,
        "warning: net.toml: data.noise is not used: a picture that --self trains on is noisy "
        "already\n"
        "warning: net.toml: data.range is not used: a picture's span is, or what --white says\n",
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["a.png"],
            "zoo denoise a.png: no INPUT. Give pictures or folders after the model, or --self to "
            "train on them instead of a model.",
        ),
        (
            ["--self"],
            "zoo denoise: no INPUT. Give a model and pictures, or --self and pictures.",
        ),
        (
            ["m", "a.png", "--minutes", "1"],
            "--minutes and --network: are for --self, which trains.",
        ),
        (
            ["--self", "a.png", "--minutes", "0"],
            "--minutes 0: is not above 0 and up to 10080, a week.",
        ),
        (
            ["--self", "a.png", "--minutes", "1e300"],
            "--minutes 1e+300: is not above 0 and up to 10080, a week.",
        ),
        (
            ["--self", "a.png", "--minutes", "nan"],
            "--minutes nan: is not above 0 and up to 10080, a week.",
        ),
        (
            ["--self", "-"],
            "--self: the picture is read twice. Use a file, not the standard input.",
        ),
    ],
)
def test_mistakes_with_self(arguments: list[str], message: str, cli: Cli) -> None:
    result = cli("denoise", *arguments)
    assert (result.code, result.out, result.err) == (2, "", f"{message}\n")


def test_what_self_refuses_before_it_trains(cli: Cli) -> None:
    Image.new("L", (300, 300)).save("a.png")
    refused = cli("denoise", "--self", "a.png", "--network", "none.toml")
    assert (refused.code, refused.err) == (
        2,
        "none.toml: cannot be read: No such file or directory.\n",
    )
    Path("net.toml").write_text(SELF)
    refused = cli("denoise", "--self", "a.png", "--max-pixels", "1000", "--network", "net.toml")
    assert refused.code == 4
    assert "300 x 300 pixels are more than the 1000 allowed" in refused.err
