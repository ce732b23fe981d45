"""What README.md and the pages of docs/ say is so: their blocks of code are carried out.

The guide for plugins has its own test, ``test_plugin_guide.py``, and so have the commands of
``docs/walks``, ``cli/test_walks.py``. ``mkdocs build --strict``, which
``.ci/run`` does, checks the links between pages.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
import tomli
import torch
from PIL import Image

from zoo.architecture import parse_architecture, read_architecture
from zoo.cli.main import COMMANDS, LazyGroup
from zoo.cli.main import zoo as command_line
from zoo.compiler import Compiler
from zoo.errors import ArchitectureError
from zoo.export import trained
from zoo.export.files import export
from zoo.export.target import choose_target
from zoo.plugins.discovery import discover
from zoo.plugins.registry import load_registry
from zoo.spec.schemas import read_schema
from zoo.sweep import expand_plan, read_plan
from zoo.train.checkpoint import save_checkpoint

ROOT = Path(__file__).parents[1]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
    for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
}
LONG_RUN = ("--epochs", "1", "--set", "data.samples_per_epoch=16")


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGES[page], flags=re.DOTALL | re.MULTILINE)


def block(page: str, language: str, containing: str) -> str:
    """The code block of a page that contains a text."""
    (found,) = [text for text in blocks(page, language) if containing in text]
    return found


def pages_with(language: str) -> list[str]:
    return [page for page in PAGES if blocks(page, language)]


def section(page: str, title: str) -> str:
    """What a page says under a heading, up to the next."""
    (_, found) = re.split(rf"^#+ {re.escape(title)}$", PAGES[page], flags=re.MULTILINE)
    return re.split(r"^#+ ", found, flags=re.MULTILINE)[0]


# The commands.


@pytest.mark.slow
def test_the_demo_command_beats_noise_blur_and_non_local_means(tmp_path: Path) -> None:
    command = block("README.md", "sh", "n2n_small").strip().split(" && ")[-1]
    assert command == ".venv/bin/zoo run architectures/n2n_small.toml"
    out = tmp_path / "run"
    result = subprocess.run(
        [sys.executable, "-m", "zoo", *command.split()[1:], "--out", str(out), "--device", "cpu"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "this model" in result.stdout
    evaluation = json.loads((out / "evaluation.json").read_text("utf-8"))
    assert evaluation["psnr"] >= evaluation["psnr_noisy"] + 5
    assert evaluation["psnr"] > max(item["psnr"] for item in evaluation["baselines"].values())
    assert (out / "examples.png").stat().st_size > 0


def zoo_commands(text: str) -> Iterator[list[str]]:
    """The arguments of each zoo command of a shell's block."""
    for line in text.replace("\\\n", " ").splitlines():
        for command in line.split(" && "):
            words = shlex.split(command, comments=True)
            if words and Path(words[0]).name == "zoo":
                yield words[1:]


@pytest.mark.parametrize("page", pages_with("sh"))
def test_the_command_line_takes_the_commands(page: str) -> None:
    for arguments in (words for text in blocks(page, "sh") for words in zoo_commands(text)):
        name, *rest = arguments
        assert isinstance(command_line, LazyGroup)
        command = command_line.get_command(click.Context(command_line), name)
        assert command is not None, arguments
        command.make_context(name, rest)


class Folder:
    """A folder in which a page's commands find what they name; what takes long is made short."""

    def __init__(self, path: Path) -> None:
        self.path = path
        for name in ("architectures", "plugins"):
            (path / name).symlink_to(ROOT / name)
        draw = np.random.default_rng(0)
        for name, size in (
            *(("photos", 300), ("other_photos", 300), ("noisy25", 300), ("set14", 40)),
            ("bsds500/train", 300),  # to be reduced up to nine times
        ):
            (path / name).mkdir(parents=True)
            for number in range(2):
                pixels = draw.integers(0, 256, (size, size + 4, 3), np.uint8)
                Image.fromarray(pixels).save(path / name / f"{number}.png")
        for name in ("train_data.pkl", "ee559_val_54.pkl"):
            torch.save(2 * [torch.zeros(2, 3, 32, 32, dtype=torch.uint8)], path / name)
        (path / "bin").mkdir()
        self.write("run", *LONG_RUN, "--device", "cpu")
        self.write("compare", *LONG_RUN, "--device", "cpu", unless="--out")
        short = ("--repeats", "1", "--no-compile", "--no-memory")
        self.write("bench", *short, "--batch-size", "1", unless="--image")
        self.write("bench*--image", *short)

    def write(self, command: str, *options: str, unless: str = "--resume") -> None:
        """Let ``zoo command`` have these options too, unless it has one."""
        script = self.path / "bin" / "zoo"
        before = script.read_text() if script.exists() else "#!/bin/sh\n"
        last = f'exec "{sys.executable}" -m zoo "$@"\n'
        test = (
            f'case "$*" in {command}*{unless}*) ;; {command}*) set -- "$@" {shlex.join(options)};;'
        )
        script.write_text(f"{before.removesuffix(last)}{test} esac\n{last}")
        script.chmod(0o755)

    def run(self, text: str) -> None:
        kept = {name: value for name, value in os.environ.items() if name != "ZOO_PLUGINS"}
        own = {"PATH": f"{self.path / 'bin'}{os.pathsep}{os.environ['PATH']}"}
        result = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.path,
            env=kept | own | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, f"{text}\n{result.stdout}{result.stderr}"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in pages_with("sh") if "/walks/" not in page])
def test_the_commands_of_a_page_work_one_after_the_other(page: str, folder: Folder) -> None:
    # What needs an environment of its own is the README's, which continuous integration runs.
    commands = [text for text in blocks(page, "sh") if "-m venv" not in text]
    if any("runs/r1" in text for text in commands):
        folder.run("zoo run architectures/r1.toml --out runs/r1-20260101-120000")
    if any("n2n_unet" in text for text in commands):
        pytest.importorskip("zoo_unet")
        pytest.importorskip("zoo_residual")
    for text in commands:
        folder.run(text)


def test_all_commands_and_options_are_explained() -> None:
    assert isinstance(command_line, LazyGroup)
    for name in COMMANDS:
        command = command_line.get_command(click.Context(command_line), name)
        assert command is not None
        explain(name, command)


def explain(name: str, command: click.Command) -> None:
    """Compare a command with its section in docs/commands.md."""
    if isinstance(command, click.Group):
        for child, own in command.commands.items():
            explain(f"{name} {child}", own)
        return
    if "same for the other kinds" in PAGES["docs/commands.md"] and name in LIKE_LAYERS:
        assert f"`zoo {name}`" in PAGES["docs/commands.md"]
        return
    (title,) = re.findall(rf"^### (`zoo {name}(?: .*)?`)$", PAGES["docs/commands.md"], re.MULTILINE)
    rows = re.findall(r"^\| (`-.*?) \|", section("docs/commands.md", title), re.MULTILINE)
    explained = {option for row in rows for option in re.findall(r"`(-[\w-]+)`", row)}
    options = {
        option
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
    }
    assert explained == options, name


LIKE_LAYERS = ("losses", "optimizers", "initializers", "schedules", "noises", "pairings", "sources")


# Architecture files.

SMALL = """\
format = 1
name = "small"
input = { channels = 3, height = 32, width = 32 }

[[layers]]
type = "conv2d"
out_channels = 3
kernel_size = 3
padding = 1
"""


SWEEPS = "docs/sweeps.md"  # whose blocks are plans


def test_the_example_plan_can_be_built(tmp_path: Path) -> None:
    (tmp_path / "net.toml").write_text(SMALL)
    (text,) = blocks(SWEEPS, "toml")
    (tmp_path / "plan.toml").write_text(text)
    (table,) = expand_plan(read_plan(tmp_path / "plan.toml"), load_registry())
    assert [len(setting.cells) for setting in table.settings] == [3] * 4


def test_the_page_on_sweeps_explains_all_keys() -> None:
    rows = re.findall(r"^\| (`.*?) \|", section(SWEEPS, "A plan"), flags=re.MULTILINE)
    explained = {key for row in rows for key in re.findall(r"`(\w+)`", row)}
    assert explained | {"format"} == set(read_schema("sweep.json")["properties"])


@pytest.mark.parametrize("page", [page for page in pages_with("toml") if page != SWEEPS])
def test_the_example_files_compile(page: str, tmp_path: Path) -> None:
    """Also what is shown of a file, put below what it leaves out."""
    registry = load_registry()
    head = "".join(SMALL.splitlines(keepends=True)[:3])
    (tmp_path / "base.toml").write_text(head)
    for text in blocks(page, "toml"):
        whole = text if re.search("^(format|extends) = ", text, re.MULTILINE) else SMALL + text
        architecture = parse_architecture(whole, registry, page, tmp_path)
        model = Compiler(architecture, registry).model(torch.Generator())
        assert model.output_shape((3, 32, 32)) == (3, 32, 32)


MISTAKES = """\
format = 1
name = "net"
input = { channels = 3, height = 32, width = 32 }

[[layers]]
type = "conv2d"
out_channels = 32
kernel_size = 3
padding = 1

[[layers]]
type = "relu"

[[layers]]
type = "conv2d"
in_channels = 64
out_channels = 3
kernel_size = 3
padding = 1

[optimizer]
type = "adma"

[train]
epochs = 3.0
batchsize = 16
"""


def test_the_mistakes_are_reported_as_shown(tmp_path: Path) -> None:
    command, *lines = block("docs/architecture-files.md", "console", "zoo check").splitlines()
    assert command == "$ zoo check net.toml"
    (tmp_path / "net.toml").write_text(MISTAKES)
    registry = load_registry(discover({"ZOO_PLUGINS": ""}))
    with pytest.raises(ArchitectureError) as caught:
        read_architecture(tmp_path / "net.toml", registry)
    assert str(caught.value).replace(f"{tmp_path}/", "").splitlines() == lines


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ("layers", "layer"),
        ("loss", "loss"),
        ("optimizers", "optimizer"),
        ("schedules", "schedule"),
        ("initializers", "initializer"),
        ("noises", "noise"),
        ("pairings", "pairing"),
        ("sources", "source"),
    ],
)
def test_the_table_names_all_built_ins(row: str, kind: str) -> None:
    names = section("docs/architecture-files.md", "Names")
    (line,) = re.findall(rf"^\| {row} \| (.*) \|$", names, flags=re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", line)) == built_in(kind)


@pytest.mark.parametrize(("title", "kind"), [("Sources", "source"), ("Noises", "noise")])
def test_the_page_on_data_explains_all_built_ins(title: str, kind: str) -> None:
    rows = re.findall(r"^\| `(\w+)` \|", section("docs/data.md", title), flags=re.MULTILINE)
    assert set(rows) == built_in(kind)


def built_in(kind: str) -> set[str]:
    return {
        item.entry.name
        for item in load_registry()
        if item.entry.kind == kind and item.provider.distribution == "zoo"
    }


def keys(schema: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The keys of a file that hold a value, with their defaults; None for those without one."""
    for name, value in schema["properties"].items():
        if "properties" in value:
            yield from keys(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value.get("default")


def test_the_table_has_all_keys_and_their_defaults() -> None:
    rows = re.findall(
        r"^\| (`.*?) \| .* \| (.*?) ?\|$",
        section("docs/architecture-files.md", "Tables and keys"),
        flags=re.MULTILINE,
    )
    found = {
        key: tomli.loads(f"x = {default.strip('`')}")["x"] if default else None
        for row, default in rows
        for key in re.findall(r"`([\w.]+)`", row)
    }
    assert found == dict(keys(read_schema("architecture.json")))


# Python.


EXPORTED = "docs/export.md"
KINDS = "docs/plugin-kinds.md"  # files of a plugin: see tests/test_plugin_kinds_guide.py


@pytest.mark.parametrize(
    "page", [page for page in pages_with("python") if page not in (EXPORTED, KINDS)]
)
def test_the_python_examples_run(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other, as a reader would paste them."""
    (tmp_path / "architectures").symlink_to(ROOT / "architectures")
    write_checkpoint(tmp_path / "runs" / "x" / "best.pkl")
    monkeypatch.chdir(tmp_path)
    names = {"noisy": torch.rand(2, 3, 32, 32), "other_noisy": torch.rand(2, 3, 32, 32)}
    names["picture"] = np.full((33, 45, 3), 100, np.uint8)
    for text in blocks(page, "python"):
        exec(text, names)
    if "remarks" in names:  # the page on picture files
        assert (tmp_path / "changed.png").is_file()
        assert names["remarks"] == []
        return
    if "report" in names:  # the page on checking data
        assert names["report"].verdict == "Nothing is wrong with the data"
        return
    if "loss" in names:
        assert names["loss"].shape == ()
    assert (names["clean"].shape, names["clean"].dtype) == ((33, 45, 3), np.uint8)
    if "stack" in names:  # the page on denoising
        assert names["softer"].shape == names["stack"][0].shape == names["picture"].shape
        return
    assert names["batch"].shape == names["noisy"].shape
    torch.testing.assert_close(names["fast"](names["noisy"]), names["trained"](names["noisy"]))


def test_the_examples_with_exported_files_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_checkpoint(tmp_path / "x" / "best.pkl")
    model = trained.load(str(tmp_path / "x"), load_registry(), print)
    for name in ("photo.pt", "photo.onnx", "photo.safetensors"):
        export(model, choose_target(tmp_path / name, None, None, overwrite=False))
    Image.new("RGB", (45, 33)).save(tmp_path / "noisy.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    names = {"noisy": torch.rand(2, 3, 33, 45)}
    of_torch, of_onnx, of_safetensors = blocks(EXPORTED, "python")
    exec(of_torch, names)
    monkeypatch.delitem(sys.modules, "photo_model")
    assert names["clean"].shape == names["noisy"].shape
    exec(of_onnx, names)
    with Image.open("clean.png") as clean:
        assert clean.size == (45, 33)
    exec(of_safetensors, names)
    assert set(names["state"]) == set(model.network.state_dict())


def write_checkpoint(path: Path) -> None:
    file = ROOT / "architectures" / "n2n_small.toml"
    registry = load_registry()
    model = Compiler(read_architecture(file, registry), registry).model(torch.Generator())
    content = {"model": model.state_dict(), "architecture": file.read_text("utf-8")}
    path.parent.mkdir(parents=True)
    save_checkpoint(path, {**content, "plugins": {}, "versions": {}, "metrics": []})


def test_the_textbooks_lines_compute_what_a_training_step_does() -> None:
    page = "docs/python.md"
    step, by_hand = block(page, "python", "TrainStep"), block(page, "python", "zero_grad")
    losses = []
    for _ in range(2):
        names = {"noisy": torch.full((2, 3, 32, 32), 0.5), "other_noisy": torch.ones(2, 3, 32, 32)}
        exec(step.replace('"architectures', f'"{ROOT}/architectures'), names)
        if losses:  # from the same weights
            names["model"] = names["zoo"].load_model(
                ROOT / "architectures" / "n2n_small.toml", device="cpu", seed=0
            )
            exec(by_hand, names)
        weights = [parameter.value for parameter in names["model"].param()]
        losses.append((names["loss"], weights))
    torch.testing.assert_close(losses[0], losses[1])


# Links, and what stands beside each other.


@pytest.mark.parametrize(
    ("page", "link"),
    sorted(
        {
            (page, link)
            for page, text in PAGES.items()
            for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
        }
    ),
)
def test_links_lead_somewhere(page: str, link: str) -> None:
    assert (ROOT / page).parent.joinpath(link).exists()


@pytest.mark.parametrize("page", PAGES)
def test_files_that_are_named_exist(page: str) -> None:
    """Modules and folders of the repository, in a page's words."""
    named = re.findall(
        r"`((?:zoo|tests|schemas|docs|plugins|architectures)/[\w./-]*)`", PAGES[page]
    )
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_readme_and_the_start_show_the_same_table() -> None:
    (table,) = re.findall(r"^ +PSNR .*?^```$", PAGES["README.md"], re.DOTALL | re.MULTILINE)
    assert table in PAGES["docs/index.md"]
