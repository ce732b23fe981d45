"""A plugin's code that fails in odd ways, or changes the process it runs in."""

from __future__ import annotations

import locale
import os
import signal
import sys
import warnings
from pathlib import Path

import pytest
import torch

from tests.plugins.test_discovery import ALL, Site, layers, read, site
from zoo.errors import PluginError
from zoo.plugins.discovery import discover
from zoo.plugins.isolation import isolated
from zoo.plugins.registry import load_registry

__all__ = ["site"]  # the fixture

PANIC = "class Panic(BaseException): pass\n"
FAILING = {
    "panic": (f"{PANIC}raise Panic('in Rust')", "cannot be loaded: Panic: in Rust"),
    "exit": ("raise SystemExit(0)", "cannot be loaded: SystemExit: 0"),
    "generator-exit": ("raise GeneratorExit", "cannot be loaded: GeneratorExit"),
    "hook-panics": (PANIC + layers("raise Panic"), "zoo_layers failed: Panic"),
    "nothing-to-say": (
        "class Mute(Exception):\n    def __str__(self): raise OSError\nraise Mute",
        "cannot be loaded: Mute",
    ),
    "says-what-ends-programs": (
        "class Mute(BaseException):\n    def __str__(self): raise SystemExit(0)\nraise Mute",
        "cannot be loaded: Mute",
    ),
    "zoos-own-with-nothing-to-say": (
        layers(
            "from zoo.errors import PluginError",
            "class Mute:",
            "    def __str__(self): raise GeneratorExit",
            "raise PluginError(Mute())",
        ),
        "zoo_layers failed: PluginError",
    ),
    "nameless": (
        "class Meta(type):\n    __name__ = property(lambda self: 1 / 0)\n"
        "class Mute(Exception, metaclass=Meta): pass\nraise Mute('x')",
        "cannot be loaded: Mute: x",
    ),
    "error-without-a-class": (
        "class Lie(Exception):\n    __class__ = property(lambda self: 1 / 0)\nraise Lie('x')",
        "cannot be loaded: Lie: x",
    ),
    "obeyed-by-terminals": (
        "raise ValueError('\\x1b[31mred')",
        "cannot be loaded: ValueError: \\u001b[31mred",
    ),
    "endless": (
        layers("while True:", "    yield 1"),
        "zoo_layers failed: returned 1. Return LayerEntry records.",
    ),
    "endless-text": (
        layers("yield 'x' * 10**6"),
        f"zoo_layers failed: returned '{'x' * 396}.... Return LayerEntry records.",
    ),
    "property-that-raises": (
        layers(
            "class Lie(zoo.LayerEntry):",
            "    summary = property(lambda self: 1 / 0, lambda self, value: None)",
            "yield Lie.__new__(Lie)",
        ),
        "zoo_layers failed: AttributeError: ",
    ),
    "class-that-raises": (
        layers(
            "class Lie:",
            "    __class__ = property(lambda self: 1 / 0)",
            "yield Lie()",
        ),
        "zoo_layers failed: ZeroDivisionError: division by zero",
    ),
    "huge-summary": (
        layers("yield zoo.LayerEntry(**{**vars(entry('lost')), 'summary': 'x' * 10**6})"),
        f"zoo_layers failed: layer 'lost': summary is '{'x' * 56}.... Write one line of text.",
    ),
    "summary-of-bytes": (
        layers("yield zoo.LayerEntry(**{**vars(entry('lost')), 'summary': b'x'})"),
        "zoo_layers failed: layer 'lost': summary is b'x'. Write one line of text.",
    ),
    "global-that-raises": (
        "class Lie:\n    __class__ = property(lambda self: 1 / 0)\nlie = Lie()\n",
        "cannot be loaded: ZeroDivisionError: division by zero",
    ),
}


@pytest.mark.parametrize(("code", "reason"), FAILING.values(), ids=FAILING)
def test_it_fails_alone(code: str, reason: str, site: Site) -> None:
    site.install("zoo-t-bad", code)
    site.install("zoo-t-good", layers("yield entry('good')"))
    registry = load_registry(discover(ALL))
    failures = [item.reason for item in site.failures(registry)]
    assert len(failures) == 1
    assert failures[0].startswith(reason), failures
    assert {"good", "relu"} <= set(registry.names("layer"))
    assert "lost" not in registry.names("layer")


@pytest.mark.parametrize("where", ["raise KeyboardInterrupt", layers("raise KeyboardInterrupt")])
def test_an_interrupt_is_the_users(where: str, site: Site) -> None:
    site.install("zoo-t-interrupted", where)
    with pytest.raises(KeyboardInterrupt):
        load_registry(discover(ALL))


CHANGES = """
import locale, os, signal, sys, warnings
import torch
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, lambda number, frame: None)
for name in ("C", "POSIX", "C.UTF-8"):
    locale.setlocale(locale.LC_ALL, name)
warnings.simplefilter("ignore")
torch.set_default_dtype(torch.float64)
os.chdir("/")
sys.setrecursionlimit(20_000)
print("to nowhere")
sys.stdout = sys.stderr = sys.stdin = None
"""


def test_what_it_changes_in_the_process_is_put_back(
    site: Site, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def state() -> tuple[object, ...]:
        handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
        streams = sys.stdin, sys.stdout, sys.stderr
        return (
            *(handlers, locale.setlocale(locale.LC_ALL), list(warnings.filters)),
            *(torch.get_default_dtype(), Path.cwd(), sys.getrecursionlimit(), streams),
        )

    monkeypatch.chdir(tmp_path)
    site.install("zoo-t-changes", CHANGES + layers("yield entry('mine')"))
    before = state()
    registry = load_registry(discover(ALL))
    assert state() == before
    assert "mine" in registry.names("layer")
    assert capsys.readouterr() == ("", "to nowhere\n")


def test_a_working_folder_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with isolated():
        os.chdir(tmp_path)
    assert Path.cwd() == tmp_path


def test_constructors_and_rules_that_panic(site: Site) -> None:
    code = PANIC + layers("yield entry('made', 'zoo_t_made:make')").replace(
        "zoo.spec.shape_rules:elementwise", "zoo_t_made:rule"
    )
    code += "\ndef make():\n    raise Panic('made')\n\ndef rule(where, parameters, shape):\n"
    site.install("zoo-t-made", code + "    return zoo.LayerInfo(tuple(shape))\n")
    compiler = read(load_registry(discover(ALL)), '["made"]')
    with pytest.raises(PluginError) as caught:
        compiler.model(torch.Generator())
    message = "layer 'made' of zoo-t-made 1.0: cannot be made: Panic: made."
    assert str(caught.value) == message
    code = code.replace("zoo_t_made", "zoo_t_ruled").replace("'made'", "'ruled'")
    site.install("zoo-t-ruled", code + "    raise Panic('ruled')\n")
    with pytest.raises(PluginError) as ruled:
        read(load_registry(discover(ALL)), '["ruled"]')
    assert str(ruled.value) == "layer 'ruled': its shape rule failed: Panic: ruled."
