"""``zoo plugins``: what is installed beside zoo, in an environment where nothing else is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.environments import Environment, make_environment
from tests.plugins.test_discovery import HOOKS, Site, layers
from zoo.plugins.hookspecs import API_VERSION

GOOD = layers("yield entry('plain')", "yield entry('another')")

# Five ways to be broken, by the name of the distribution.
BROKEN = {
    "zoo-t-import": "raise RuntimeError('no GPU')",
    "zoo-t-hook": layers("raise KeyError('x')"),
    "zoo-t-clash-a": layers("yield entry('relu')", "yield entry('twice')"),
    "zoo-t-clash-b": layers("yield entry('twice')", "yield entry('alone')"),
    "zoo-t-api": "from pathlib import Path\nPath(__file__).with_name('ran').touch()\n"
    + "zoo_api = '>=2'\n"
    + layers("yield entry('newer')"),
    "zoo-t-return": layers("return ['lost']"),
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return make_environment(tmp_path_factory.mktemp("environment") / "env")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    folder = tmp_path / "site"
    folder.mkdir()
    return Site(folder)


@pytest.fixture
def zoo(environment: Environment, site: Site, tmp_path: Path) -> Any:
    """``zoo("plugins", ...)`` where what is installed in ``site`` is all that is installed."""

    def run(*arguments: str | Path, **variables: str) -> tuple[int, str, str]:
        result = environment.run(
            "zoo", *arguments, cwd=tmp_path, PYTHONPATH=str(site.folder), **variables
        )
        return result.returncode, result.stdout, result.stderr

    return run


def states(zoo: Any, **variables: str) -> dict[str, tuple[str, dict[str, list[str]], list[str]]]:
    """State, contributions and reasons by distribution, as JSON has them."""
    code, out, err = zoo("plugins", "--json", **variables)
    assert (code, err) == (0, "")
    return {
        item["distribution"]: (item["state"], item["contributes"], item["reasons"])
        for item in json.loads(out)
    }


def test_none_is_installed(zoo: Any) -> None:
    assert zoo("plugins") == (0, "No plugin is installed.\n", "")
    assert zoo("plugins", "--json") == (0, "[]\n", "")


def test_a_good_one(zoo: Any, site: Site) -> None:
    site.install("zoo-t-good", GOOD, version="2.5")
    code, out, err = zoo("plugins")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "plugin          state  contributes",
        "zoo-t-good 2.5  works  layer another, plain",
    ]
    code, out, err = zoo("plugins", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == [
        {
            "distribution": "zoo-t-good",
            "version": "2.5",
            "entry_point": "plugin",
            "contributes": {"layer": ["another", "plain"]},
            "state": "works",
            "reasons": [],
            "imports_torch": False,
        }
    ]


def test_things_of_several_kinds(zoo: Any, site: Site) -> None:
    loss = (
        "\n@zoo.hookimpl\ndef zoo_losses():\n"
        "    schema = {'type': 'object', 'properties': {}, 'additionalProperties': False}\n"
        "    yield zoo.LossEntry(name='l3', factory='a:b', schema=schema, summary='x')\n"
    )
    site.install("zoo-t-good", GOOD + loss)
    assert (
        zoo("plugins")[1].splitlines()[1] == "zoo-t-good 1.0  works  layer another, plain; loss l3"
    )


RELU = "layer 'relu': provided by zoo 0.1.0 and zoo-t-clash-a 1.0. "
TWICE = "layer 'twice': provided by zoo-t-clash-a 1.0 and zoo-t-clash-b 1.0. "
REASONS = {
    "zoo-t-api": [
        "cannot be loaded: is written for version >=2 of zoo's plugin interface, and this zoo has "
        f"{API_VERSION}. Install versions of the two that go together."
    ],
    "zoo-t-clash-a": [
        RELU + "Choose with zoo-t-clash-a:relu or zoo:relu.",
        TWICE + "Choose with zoo-t-clash-a:twice or zoo-t-clash-b:twice.",
    ],
    "zoo-t-clash-b": [TWICE + "Choose with zoo-t-clash-a:twice or zoo-t-clash-b:twice."],
    "zoo-t-hook": ["zoo_layers failed: KeyError: 'x'"],
    "zoo-t-import": ["cannot be loaded: RuntimeError: no GPU"],
    "zoo-t-return": ["zoo_layers failed: returned 'lost'. Return LayerEntry records."],
}


@pytest.fixture
def broken(site: Site) -> Site:
    """All of the broken ones, and a good one between them."""
    for name, code in BROKEN.items():
        site.install(name, code)
    site.install("zoo-t-good", GOOD)
    return site


def test_the_broken_ones_are_reported_with_their_reasons(zoo: Any, broken: Site) -> None:
    assert states(zoo) == {
        "zoo-t-api": ("fails", {}, REASONS["zoo-t-api"]),
        "zoo-t-clash-a": ("clashes", {"layer": ["relu", "twice"]}, REASONS["zoo-t-clash-a"]),
        "zoo-t-clash-b": ("clashes", {"layer": ["alone", "twice"]}, REASONS["zoo-t-clash-b"]),
        "zoo-t-good": ("works", {"layer": ["another", "plain"]}, []),
        "zoo-t-hook": ("fails", {}, REASONS["zoo-t-hook"]),
        "zoo-t-import": ("fails", {}, REASONS["zoo-t-import"]),
        "zoo-t-return": ("fails", {}, REASONS["zoo-t-return"]),
    }
    code, out, err = zoo("plugins")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "plugin             state    contributes",
        "zoo-t-api 1.0      fails",
        "zoo-t-clash-a 1.0  clashes  layer relu, twice",
        "zoo-t-clash-b 1.0  clashes  layer alone, twice",
        "zoo-t-good 1.0     works    layer another, plain",
        "zoo-t-hook 1.0     fails",
        "zoo-t-import 1.0   fails",
        "zoo-t-return 1.0   fails",
        *(f"{name} 1.0: {reason}" for name, reasons in REASONS.items() for reason in reasons),
    ]


@pytest.mark.slow
def test_a_run_works_beside_all_of_them(zoo: Any, broken: Site, base: Path) -> None:
    text = (base / "tiny.toml").read_text("utf-8")
    # relu is a clash now: of the others only names that are one plugin's, or say whose.
    text = text.replace('type = "relu"', 'type = "plain"\n\n[[layers]]\ntype = "alone"')
    text = text.replace("[optimizer]", '[[layers]]\ntype = "zoo:relu"\n\n[optimizer]')
    path = base / "beside.toml"
    path.write_text(text)
    code, out, err = zoo("run", path, "--epochs", "1", "--out", "run")
    assert code == 0, err
    assert "epoch 1/1" in out + err
    warnings = [line for line in err.splitlines() if line.startswith("warning: plugin ")]
    assert sorted(warnings) == [
        f"warning: plugin {name} 1.0: {REASONS[name][0]}"
        for name in ("zoo-t-api", "zoo-t-hook", "zoo-t-import", "zoo-t-return")
    ]


def test_a_name_that_clashes_is_an_error_where_it_is_used(
    zoo: Any, broken: Site, base: Path
) -> None:
    code, _, err = zoo("check", base / "tiny.toml")
    assert code == 2
    assert err.splitlines()[-1].endswith(f"layers[1].type: {REASONS['zoo-t-clash-a'][0]}")


def test_the_module_of_one_for_another_interface_is_not_imported(
    zoo: Any, broken: Site, environment: Environment, tmp_path: Path
) -> None:
    zoo("plugins")
    assert not (broken.folder / "ran").exists()
    path = {"PYTHONPATH": str(broken.folder)}
    environment.run("python", "-c", "import zoo_t_api", cwd=tmp_path, **path)
    assert (broken.folder / "ran").exists()  # as it does when it is imported


@pytest.mark.parametrize("wanted", ["two", "1", ">=1;<2", ">1x", 2, [">=1"]])
def test_an_interface_that_is_no_range_of_versions(wanted: object, zoo: Any, site: Site) -> None:
    site.install("zoo-t-api", f"zoo_api = {wanted!r}\n{GOOD}")
    reason = (
        f"cannot be loaded: zoo_api is {wanted!r}. Write a range of versions, such as '>=1,<2'."
    )
    assert states(zoo) == {"zoo-t-api": ("fails", {}, [reason])}
    assert zoo("plugins")[1].splitlines()[-1] == f"zoo-t-api 1.0: {reason}"


@pytest.mark.parametrize("wanted", [">=1,<2", ">=1.0", "~=1.0", "==1.*", ">=0.5,<3"])
def test_an_interface_that_fits(wanted: str, zoo: Any, site: Site) -> None:
    site.install("zoo-t-api", f"zoo_api = {wanted!r}\n{GOOD}")
    assert states(zoo) == {"zoo-t-api": ("works", {"layer": ["another", "plain"]}, [])}


def test_one_that_contributes_nothing(zoo: Any, site: Site) -> None:
    site.install("zoo-t-unmarked", GOOD.replace("@zoo.hookimpl", ""))
    reason = (
        "cannot be loaded: the entry point plugin names what has none of zoo's hooks. Mark its "
        "functions with @zoo.hookimpl, or name another module."
    )
    assert states(zoo) == {"zoo-t-unmarked": ("fails", {}, [reason])}
    assert zoo("plugins")[1].splitlines()[-1] == f"zoo-t-unmarked 1.0: {reason}"
    (site.folder / "zoo_t_unmarked.py").write_text(layers("return ()"))
    reason = "contributes nothing: its hooks return no records."
    assert states(zoo) == {"zoo-t-unmarked": ("fails", {}, [reason])}


def test_a_misspelt_hook_is_reported_with_the_hooks(zoo: Any, site: Site) -> None:
    site.install("zoo-t-misspelt", GOOD.replace("def zoo_layers", "def zoo_layer"))
    state, contributes, (reason,) = states(zoo)["zoo-t-misspelt"]
    assert (state, contributes) == ("fails", {})
    assert reason.startswith("cannot be loaded: unknown hook 'zoo_layer' in plugin <module ")
    assert reason.endswith(HOOKS)


def test_one_that_imports_torch_is_marked(zoo: Any, site: Site) -> None:
    site.install("zoo-t-slow", "import torch\n" + layers("yield entry('slow')"))
    site.install("zoo-t-good", GOOD)
    code, out, err = zoo("plugins")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "plugin          state  contributes",
        "zoo-t-good 1.0  works  layer another, plain",
        "zoo-t-slow 1.0  works  layer slow",
        "zoo-t-slow 1.0: imports torch when it is loaded, which slows every command.",
    ]
    told = {
        item["distribution"]: item["imports_torch"]
        for item in json.loads(zoo("plugins", "--json")[1])
    }
    assert told == {"zoo-t-good": False, "zoo-t-slow": True}


def test_one_that_zoo_plugins_does_not_name_is_left_out(zoo: Any, site: Site) -> None:
    site.install("zoo-t-good", GOOD)
    site.install("zoo-t-other", f"raise RuntimeError('imported')\n{GOOD}")
    only = {"ZOO_PLUGINS": "zoo-t-good"}
    assert states(zoo, **only) == {
        "zoo-t-good": ("works", {"layer": ["another", "plain"]}, []),
        "zoo-t-other": ("left out", {}, []),
    }
    assert zoo("plugins", **only)[1].splitlines() == [
        "plugin           state     contributes",
        "zoo-t-good 1.0   works     layer another, plain",
        "zoo-t-other 1.0  left out",
    ]
    (told,) = [
        item
        for item in json.loads(zoo("plugins", "--json", **only)[1])
        if item["state"] == "left out"
    ]
    assert told["imports_torch"] is None
    assert {state for state, *_ in states(zoo, ZOO_PLUGINS="").values()} == {"left out"}


def test_an_unknown_name_in_zoo_plugins(zoo: Any, site: Site) -> None:
    site.install("zoo-t-good", GOOD)
    message = "ZOO_PLUGINS: no installed plugin is called 'zoo-t-god'. Installed: zoo-t-good.\n"
    assert zoo("plugins", ZOO_PLUGINS="zoo-t-god") == (3, "", message)


def test_strict_makes_every_failure_an_error(zoo: Any, broken: Site) -> None:
    code, out, err = zoo("plugins", ZOO_STRICT_PLUGINS="1")
    assert (code, out) == (3, "")
    assert sorted(err.splitlines()) == [
        f"plugin {name} 1.0: {REASONS[name][0]}"
        for name in ("zoo-t-api", "zoo-t-hook", "zoo-t-import", "zoo-t-return")
    ]
    assert zoo("plugins", ZOO_STRICT_PLUGINS="1", ZOO_PLUGINS="zoo-t-good")[0] == 0
