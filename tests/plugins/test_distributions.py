"""Installed distributions: broken metadata, one name in several spellings, one found twice."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.plugins.test_discovery import ALL, Site, layers, read, site
from zoo.architecture import parse_architecture
from zoo.describe.machine import installed_version, library_versions, optional_parts
from zoo.errors import ArchitectureError, PluginError
from zoo.plugins.discovery import discover
from zoo.plugins.distributions import Provider, canonical, find_installed, find_plugins
from zoo.plugins.registry import load_registry
from zoo.plugins.scaffold import names_of, plugin_files
from zoo.train.providers import check_providers
from zoo.version import VERSION

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
        "its METADATA cannot be read: Is a directory"
    ]


TOO_MUCH = "16,777,217 bytes are more than the 16,777,216 allowed here"


def make_large(path: Path) -> None:
    path.write_bytes(b"#" * (2**24 + 1))


PIPE = "cannot be read: a pipe or device, no regular file"


@pytest.mark.parametrize(
    ("name", "make", "reason"),
    [
        ("METADATA", os.mkfifo, f"its METADATA {PIPE}"),
        ("entry_points.txt", os.mkfifo, f"its entry_points.txt {PIPE}"),
        ("entry_points.txt", os.mkdir, "its entry_points.txt cannot be read: Is a directory"),
        ("entry_points.txt", make_large, f"its entry_points.txt cannot be read: {TOO_MUCH}"),
    ],
)
def test_metadata_that_cannot_be_read(
    name: str, make: Callable[[Path], object], reason: str, site: Site
) -> None:
    """Nothing is waited for, and no plugin lost without a word."""
    info = odd(site, None if name == "METADATA" else NAMED.encode(), b"")
    make(info / name)
    assert [it.reason for it in find_plugins("zoo")[1] if it.where == str(info)] == [reason]
    assert find_installed("odd") is None or name != "METADATA"


def test_torch_is_imported_whatever_is_installed(site: Site, tmp_path: Path) -> None:
    """It looks for devices of others in all metadata, unless it is told not to."""
    os.mkfifo(odd(site, NAMED.encode(), b"") / "entry_points.txt")
    result = zoo(site, tmp_path, "evaluate", "none.pkl")
    assert result.returncode == 5, result.stderr


@pytest.mark.parametrize(
    "metadata",
    [None, b"Name: zoo\n", b"Name: zoo\nVersion: \xff\n", b"Name: zoo\nVersion: 9.0\n"],
    ids=["none", "no_version", "latin-1", "another"],
)
def test_another_zoo_that_is_found_first(metadata: bytes | None, site: Site) -> None:
    """What runs is what was imported."""
    info = site.folder / "zoo-9.0.dist-info"
    info.mkdir()
    if metadata is not None:
        (info / "METADATA").write_bytes(metadata)
    registry = load_registry(discover(ALL))
    assert registry.get("layer", "relu").provider == Provider("zoo", VERSION, "builtins")
    assert library_versions()["zoo"] == VERSION
    assert "safetensors" in [part.name for part in optional_parts()]
    assert f"zoo>={VERSION[:3]}" in plugin_files(names_of("zoo-x"))["pyproject.toml"]


def test_a_library_that_is_found_twice(site: Site) -> None:
    there = find_installed("numpy")
    info = site.folder / "numpy-9.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_bytes(b"Name: numpy\nVersion: \xff\n")
    assert there is not None
    assert library_versions()["numpy"] == there.version
    assert installed_version("zoo-t-none") is None


NO_HOOKS = (
    "names what has none of zoo's hooks. Mark its functions with @zoo.hookimpl, or name another "
    "module."
)
FORM = "Name a module, as in package.module, or an object in one, package.module:object."


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("json", NO_HOOKS),
        ("os.path:join", NO_HOOKS),
        ("...", f'is "...". {FORM}'),
        ("a:b:c", f'is "a:b:c". {FORM}'),
        (":a", f'is ":a". {FORM}'),
        ("a b", f'is "a b". {FORM}'),
        ("", f'is "". {FORM}'),
    ],
)
def test_an_entry_point_that_names_no_plugin(value: str, reason: str, site: Site) -> None:
    odd(site, NAMED.encode(), f"[zoo]\nx = {value}\n".encode())
    registry = load_registry(discover(ALL))
    assert [str(it) for it in site.failures(registry)] == [
        f"plugin odd 1.0: cannot be loaded: the entry point x {reason}"
    ]


def test_very_many_that_fail_are_one_line(site: Site) -> None:
    points = "".join(f"x{number:04} = nothing{number}\n" for number in range(1500))
    odd(site, NAMED.encode(), f"[zoo]\n{points}".encode())
    registry = load_registry(discover(ALL))
    line = (
        "plugin odd 1.0: cannot be loaded: ModuleNotFoundError: No module named 'nothing0' "
        "(and 1,499 more: see zoo plugins)"
    )
    assert len(site.failures(registry)) == 1500
    assert registry.failed_plugins("odd") == [line]
    with pytest.raises(PluginError) as strict:
        load_registry(discover({"ZOO_STRICT_PLUGINS": "1", "ZOO_PLUGINS": "odd"}))
    assert str(strict.value) == line


def zoo(site: Site, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{site.folder}:{os.environ.get('PYTHONPATH', '')}"}
    return subprocess.run(
        [sys.executable, "-m", "zoo", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_commands_warn_once(site: Site, tmp_path: Path) -> None:
    info = odd(site, *BROKEN["no-metadata"][:2])
    for words in (["layers", "--json"], ["plugins"]):
        result = zoo(site, tmp_path, *words)
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
