"""Installed distributions: broken metadata, one name in several spellings, one found twice."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.plugins.test_discovery import ALL, Site, layers, read, site
from zoo.architecture import parse_architecture
from zoo.errors import ArchitectureError
from zoo.plugins.discovery import discover
from zoo.plugins.distributions import canonical, find_plugins
from zoo.plugins.registry import load_registry
from zoo.train.providers import check_providers

__all__ = ["site"]  # the fixture

NAMED = "Metadata-Version: 2.1\nName: odd\nVersion: 1.0\n"
PLUGIN = "[zoo]\nplugin = odd\n"
BROKEN: dict[str, tuple[bytes | None, bytes, str]] = {
    "no-metadata": (None, PLUGIN.encode(), "it has no readable METADATA"),
    "empty-metadata": (b"", PLUGIN.encode(), "it has no readable METADATA"),
    "no-name": (b"Version: 1.0\n", b"", "its METADATA give no name"),
    "name-in-the-text": (b"Version: 1.0\n\nName: odd\n", b"", "its METADATA give no name"),
    "odd-name": (b"Name: \x1b[31m\nVersion: 1.0\n", b"", "its METADATA give no name"),
    "no-version": (b"Name: odd\n", PLUGIN.encode(), "its METADATA give no version"),
    "latin-1": (
        f"{NAMED}Author: Andr\xe9\n".encode("latin-1"),
        b"",
        "its metadata are not UTF-8",
    ),
    "entry-points-of-nothing": (
        NAMED.encode(),
        b"[zoo]\nnothing\n",
        'its entry_points.txt has the line "nothing"',
    ),
    "entry-points-that-are-no-text": (
        NAMED.encode(),
        b"[console_scripts]\n\xff = a:b\n",
        "its metadata are not UTF-8",
    ),
}


def odd(site: Site, metadata: bytes | None, entry_points: bytes) -> Path:
    info = site.folder / "odd-1.0.dist-info"
    info.mkdir()
    if metadata is not None:
        (info / "METADATA").write_bytes(metadata)
    if entry_points:
        (info / "entry_points.txt").write_bytes(entry_points)
    return info


@pytest.mark.parametrize(("metadata", "points", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_one_is_named_and_left_out(
    metadata: bytes | None, points: bytes, reason: str, site: Site
) -> None:
    info = odd(site, metadata, points)
    site.install("zoo-t-good", layers("yield entry('good')"))
    registry = load_registry(discover(ALL))
    assert [str(broken) for broken in registry.broken if broken.where == str(info)] == [
        f"{info}: a broken installation, which is left out: {reason}. "
        "Remove it, or install the package again."
    ]
    assert site.failures(registry) == []
    assert "good" in registry.names("layer")


def test_metadata_that_are_a_folder(site: Site) -> None:
    info = odd(site, None, b"")
    (info / "METADATA").mkdir()
    assert [it.reason for it in find_plugins("zoo")[1] if it.where == str(info)] == [
        "it has no readable METADATA"
    ]


def test_commands_warn_once(site: Site, tmp_path: Path) -> None:
    info = odd(site, *BROKEN["no-metadata"][:2])
    environment = {**os.environ, "PYTHONPATH": f"{site.folder}:{os.environ.get('PYTHONPATH', '')}"}
    for words in (["layers", "--json"], ["plugins"]):
        result = subprocess.run(
            [sys.executable, "-m", "zoo", *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0
        assert result.stderr.startswith(f"warning: {info}: a broken installation, which is left")
        assert result.stderr.count(str(info)) == 1


@pytest.mark.parametrize("name", ["zoo-t-layers", "zoo_t_layers", "Zoo.T__Layers"])
def test_a_name_is_one_in_every_spelling(name: str, site: Site) -> None:
    assert canonical(name) == "zoo-t-layers"
    site.install(name, layers("yield entry('mine')"), value="zoo_t_module")
    (site.folder / "zoo_t_module.py").write_text(layers("yield entry('mine')"))
    for wanted in ("zoo-t-layers", "ZOO_T.Layers"):
        registry = load_registry(discover({"ZOO_PLUGINS": wanted}))
        assert registry.failures == ()
        assert registry.get("layer", f"{wanted}:mine").entry.name == "mine"
        made_with = {"layer mine": f"{wanted} 1.0"}
        assert check_providers(Path("x.pkl"), made_with, registry) == []
        compiler = read(registry, f'[{{ type = "{wanted}:mine" }}]')
        assert compiler.architecture.layers[0].type == f"{wanted}:mine"
    sys.modules.pop("zoo_t_module", None)


def test_the_plugins_of_a_file_in_every_spelling(site: Site) -> None:
    site.install("zoo-t-needed", layers("yield entry('mine')"))
    registry = load_registry(discover({"ZOO_PLUGINS": "zoo-t-needed"}))
    for name in ("Zoo.T_needed", "zoo-t-missing"):
        text = f"""
            format = 1
            name = "net"
            plugins = ["{name}"]
            input = {{ channels = 2, height = 3, width = 4 }}
            layers = ["mine", {{ type = "conv2d", out_channels = 2, kernel_size = 1 }}]
        """
        if name == "zoo-t-missing":
            with pytest.raises(ArchitectureError, match="which is not installed"):
                parse_architecture(text, registry, "net.toml", Path())
        else:
            parse_architecture(text, registry, "net.toml", Path())


def test_one_that_is_found_twice_counts_once(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in two sites on the path, or installed and editable; the first one is imported."""
    second = Site(tmp_path / "second")
    second.folder.mkdir()
    second.install("Zoo_T.Twice", layers("yield entry('old')"), version="0.9", value="zoo_t_twice")
    site.install("zoo-t-twice", layers("yield entry('new')"), version="1.0")
    monkeypatch.setattr(sys, "path", [*sys.path, str(second.folder)])
    registry = load_registry(discover(ALL))
    assert site.failures(registry) == []
    assert "new" in registry.names("layer")
    assert "old" not in registry.names("layer")
    assert str(registry.get("layer", "new").provider) == "zoo-t-twice 1.0"


def test_help_imports_no_plugin(site: Site, tmp_path: Path) -> None:
    site.install("zoo-t-slow", "from pathlib import Path\nPath('imported').touch()\n")
    environment = {**os.environ, "PYTHONPATH": f"{site.folder}:{os.environ.get('PYTHONPATH', '')}"}
    for words in (["--help"], ["run", "--help"]):
        command = [sys.executable, "-m", "zoo", *words]
        subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert not (tmp_path / "imported").exists()
