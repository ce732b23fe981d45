"""What plugins/README.md says is so: its blocks are carried out in order, as a reader would.

A block of ``sh`` is run, one of ``console`` is run and its output compared, and any other becomes
the file that the text before it names, or is added to its end.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import pytest
import tomli
import torch

from tests.environments import Environment, make_environment
from zoo.plugins.hookspecs import API_VERSION
from zoo.plugins.records import KINDS, LayerEntry
from zoo.plugins.schema_lint import FORMS
from zoo.testing import LAYER_CHECKS

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "plugins" / "README.md").read_text("utf-8")
BLOCK = re.compile(r"((?:[^\n]+\n)*)\n```(\w+)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
FILE = re.compile(r"(Add to|[Ii]n) `([^`]+)`:$")


@dataclass(frozen=True)
class Block:
    """A block of code: the paragraph before it, its language, and what it says."""

    before: str
    language: str
    text: str


BLOCKS = [Block(*found) for found in BLOCK.findall(GUIDE)]


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """Each command of a console, and the output below it."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def plain(command: str, output: str) -> str:
    """Output; without the numbers of checks where there is a GPU, on which more of them apply."""
    gpu = torch.cuda.is_available() and "plugin check" in command
    return re.sub(r"\d+", "0", output) if gpu else output


def write(block: Block, folder: Path) -> None:
    where = FILE.search(" ".join(block.before.split()))
    assert where is not None, block
    path = folder / where[2]
    if where[1].startswith("Add"):
        text = f"{path.read_text('utf-8')}\n\n{block.text}"
    else:
        assert not path.exists(), path
        text = block.text
    path.write_text(text, "utf-8")


@dataclass(frozen=True)
class Read:
    """Where the guide has been followed to its end."""

    environment: Environment
    folder: Path


def follow(environment: Environment, folder: Path) -> None:
    for block in BLOCKS:
        if block.language not in ("sh", "console"):
            write(block, folder)
            continue
        steps = [(block.text, None)] if block.language == "sh" else list(commands(block))
        for command, output in steps:
            result = environment.run("bash", "-euo", "pipefail", "-c", command, cwd=folder)
            said = result.stdout + result.stderr
            if output is None:
                assert result.returncode == 0, f"{command}\n{said}"
            else:
                assert plain(command, said) == plain(command, output), command


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    folder = tmp_path_factory.mktemp("guide")
    environment = make_environment(folder / "env")
    (folder / "work").mkdir()
    follow(environment, folder / "work")
    return Read(environment, folder / "work")


def test_every_block_is_found() -> None:
    assert len(BLOCKS) * 2 == GUIDE.count("```")
    assert {block.language for block in BLOCKS} == {"sh", "console", "python", "toml"}
    assert all(list(commands(block)) for block in BLOCKS if block.language == "console")


@pytest.mark.slow
def test_what_it_says_to_do_works_as_it_says(read: Read) -> None:
    (run,) = (read.folder / "runs").iterdir()
    evaluation = json.loads((run / "evaluation.json").read_text("utf-8"))
    assert evaluation["psnr"] > evaluation["psnr_noisy"] + 3


@pytest.mark.slow
def test_the_files_it_writes_are_in_order(read: Read) -> None:
    for check in (("check",), ("format", "--check")):
        command = (sys.executable, "-m", "ruff", *check, "--no-cache", "zoo-mine")
        result = read.environment.run(*command, cwd=read.folder)
        assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
def test_a_mistake_in_the_layer_would_be_found(read: Read) -> None:
    """The check that the guide shows finds something: here a backward pass without its factor."""
    path = read.folder / "zoo-mine" / "zoo_mine" / "average_pool.py"
    right = path.read_text("utf-8")
    path.write_text(right.replace(".div(self.size**2)", ""), "utf-8")
    try:
        command = ("zoo", "plugin", "check", "zoo-mine")
        result = read.environment.run(*command, cwd=read.folder)
    finally:
        path.write_text(right, "utf-8")
    assert path.read_text("utf-8").count("self.size**2") == 1
    assert result.returncode == 3
    assert "backward failed: " in result.stdout


def test_it_says_how_many_checks_there_are() -> None:
    (number,) = re.findall(r"more than (\d+)\nother things|more than (\d+) other things", GUIDE)
    assert int("".join(number)) < len(LAYER_CHECKS)


def test_all_fields_of_a_record_are_explained() -> None:
    explained = re.findall(r"^\| `(\w+)` \| ", GUIDE, flags=re.MULTILINE)
    assert explained == [
        *("name", "factory", "schema", "summary", "check", "cases"),
        *("torch_reference", "onnx", "inferred", "shape_rule"),
    ]
    assert set(explained) == {field.name for record in KINDS for field in fields(record)}
    assert set(explained) == {field.name for field in fields(LayerEntry)}


def test_all_hooks_and_keywords_are_named() -> None:
    (hooks,) = re.findall(r"has them all: (.*?)\. The fields", GUIDE, flags=re.DOTALL)
    assert set(re.findall(r"`(\w+)`", hooks)) == {record.hook for record in KINDS}
    (keywords,) = re.findall(r"^keywords: (.*?)\. A `\$ref`", GUIDE, re.DOTALL | re.MULTILINE)
    assert set(re.findall(r"`([\w$-]+)`", keywords)) == set(FORMS)


def test_the_interface_is_todays() -> None:
    assert f'zoo_api = ">={API_VERSION.partition(".")[0]},<2"' in GUIDE


def test_all_plugins_kept_here_are_listed() -> None:
    kept = {
        tomli.loads(path.read_text("utf-8"))["project"]["name"]: path.parent.name
        for path in ROOT.glob("plugins/*/pyproject.toml")
    }
    assert dict(re.findall(r"^\| \[`([\w-]+)`\]\(([\w-]+)\)", GUIDE, re.MULTILINE)) == kept


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)h][^)]*)\)", GUIDE))))
def test_links_lead_somewhere(link: str) -> None:
    assert (ROOT / "plugins" / link).exists()
