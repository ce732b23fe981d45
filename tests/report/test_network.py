from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.report.html import read
from tests.tiny import TINY
from zoo.architecture import parse_architecture, read_architecture
from zoo.plugins.registry import Registry, load_registry
from zoo.report.network import network_section

ROOT = Path(__file__).parents[2]

COLUMNS = re.compile(r'<tr><th scope="row"><span class="in(\d)">(\w+)</span>.*?</tr>', re.DOTALL)


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


def rows(body: str) -> list[list[str]]:
    """Depth, type, and the text of the other cells of each row."""
    found = []
    for row in COLUMNS.finditer(body):
        cells = [read(cell).text for cell in re.findall(r"<td>.*?</td>", row[0], re.DOTALL)]
        found.append([row[1], row[2], *cells])
    return found


def test_shapes_parameters_cost_and_receptive_field(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    architecture = parse_architecture(TINY, registry, "tiny.toml", tmp_path)
    section = network_section(architecture, registry)
    assert rows(section.body) == [
        ["0", "input", "3 × 16 × 16", "", "", ""],
        ["0", "conv2d", "4 × 8 × 8", "112", "27", "3 × 3"],
        ["0", "relu", "4 × 8 × 8", "", "", "3 × 3"],
        ["0", "upsampling", "3 × 16 × 16", "111", "108", "5 × 5"],
        ["0", "sigmoid", "3 × 16 × 16", "", "", "5 × 5"],
    ]
    assert section.lead == (
        "223 parameters; 135 multiply-adds a pixel, by a crop of 3 × 16 × 16; a pixel of the "
        "output depends on 5 × 5 pixels of the input. Outputs are channels × height × width."
    )
    assert "skip" not in section.body
    assert network_section(None, registry).body == ""


@pytest.mark.parametrize(
    ("name", "layers", "sign"),
    [("resnet_small", 21, "+"), ("n2n_unet", 50, "c"), ("dncnn", 49, "+")],
)
def test_bodies_are_nested_and_skips_are_drawn(
    name: str, layers: int, sign: str, registry: Registry
) -> None:
    pytest.importorskip("zoo_residual")
    pytest.importorskip("zoo_unet")
    architecture = read_architecture(ROOT / "architectures" / f"{name}.toml", registry)
    section = network_section(architecture, registry)
    found = rows(section.body)
    nested = [row for row in found if row[1] in ("skip", "residual")]
    assert len(found) == layers + 1
    assert max(int(row[0]) for row in found) >= 1
    signs = re.findall(r'class="sign">(.)<', section.body)
    assert signs == [sign] * len(nested)
    field = found[-1][-1] if found[-1][0] == "0" else found[1][-1]
    assert f"depends on {field} pixels of the input" in section.lead
    tower = re.findall(r'<svg width="\d+" height="(\d+)"', section.body)
    assert int(tower[0]) >= 30 * (len(found) + 1)
