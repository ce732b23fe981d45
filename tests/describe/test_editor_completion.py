"""What an editor with Taplo offers in an architecture file.

The taplo that pip installs has no language server. One that has is that of cargo (``cargo install
taplo-cli --features lsp``); ZOO_TEST_TAPLO_LSP gives the command of another that speaks LSP on its
standard streams.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from zoo.describe.editor_schema import schema_text
from zoo.plugins.discovery import Provider, discover
from zoo.plugins.records import LayerEntry
from zoo.plugins.registry import Registered, Registry, load_registry

SWISH = LayerEntry(
    name="swish",
    factory="zoo_missing:Swish",
    schema={
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "beta": {"type": "number", "description": "How steep it is.", "default": 1.5},
        },
    },
    summary="x times its sigmoid",
    shape_rule="zoo.spec.shape_rules:elementwise",
)


class Editor:
    """An editor with one folder open, as a language server sees it."""

    def __init__(self, server: subprocess.Popen[bytes], folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.requests = 0
        where = {"uri": folder.as_uri(), "name": "folder"}
        self.ask("initialize", processId=None, capabilities={}, workspaceFolders=[where])
        self.tell("initialized")

    def tell(self, method: str, **params: Any) -> None:
        self._send({"method": method, "params": params})

    def ask(self, method: str, **params: Any) -> Any:
        self.requests += 1
        self._send({"id": self.requests, "method": method, "params": params})
        while True:
            message = self._receive()
            if "method" not in message and message.get("id") == self.requests:
                return message["result"]
            if "method" in message and "id" in message:  # a question of the server's
                items = message["params"].get("items", [])
                self._send({"id": message["id"], "result": [None for _ in items]})

    def offered(self, text: str) -> dict[str, str]:
        """The labels that are offered at the ``|`` of a file, with the words for each."""
        before, after = f"#:schema ./zoo.schema.json\n{text}".split("|")
        uri = (self.folder / f"{self.requests}.toml").as_uri()
        document = {"uri": uri, "languageId": "toml", "version": 1, "text": before + after}
        self.tell("textDocument/didOpen", textDocument=document)
        position = {"line": before.count("\n"), "character": len(before.split("\n")[-1])}
        found = self.ask("textDocument/completion", textDocument={"uri": uri}, position=position)
        labels = [item["label"] for item in found]
        assert len(labels) == len(set(labels)), labels
        return {item["label"]: item.get("documentation", {}).get("value", "") for item in found}

    def _send(self, message: dict[str, Any]) -> None:
        assert self.server.stdin is not None
        content = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.server.stdin.write(b"Content-Length: %d\r\n\r\n" % len(content) + content)
        self.server.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        assert self.server.stdout is not None
        length = 0
        while line := self.server.stdout.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        if not length:
            pytest.skip("this taplo has no language server; see this file's first lines")
        message: dict[str, Any] = json.loads(self.server.stdout.read(length))
        return message


@contextmanager
def started(command: list[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A language server, which is ended whatever happens: also if it is none and exits at once."""
    server = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )
    try:
        yield server
    finally:
        server.kill()
        server.communicate()  # waits for it and closes the pipes


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    folder = tmp_path_factory.mktemp("editor")
    plugin = Registered(SWISH, Provider("zoo-t", "1.0", "t"))
    schema = schema_text(Registry([*load_registry(discover({"ZOO_PLUGINS": ""})), plugin]))
    (folder / "zoo.schema.json").write_text(schema, "utf-8")
    command = shlex.split(os.environ.get("ZOO_TEST_TAPLO_LSP", "taplo lsp stdio"))
    try:
        with started(command, folder) as server:
            yield Editor(server, folder)
    except (FileNotFoundError, BrokenPipeError):
        pytest.skip("there is no taplo with a language server; see this file's first lines")


def test_the_names_of_layers(editor: Editor) -> None:
    offered = editor.offered('[[layers]]\ntype = "|"\n')
    built_in = load_registry(discover({"ZOO_PLUGINS": ""})).names("layer")
    assert set(offered) == {json.dumps(name) for name in [*built_in, "swish", "block"]}
    assert offered['"swish"'] == "x times its sigmoid"
    assert offered['"conv2d"'] == "2-D convolution"


def test_the_parameters_of_layers_each_once(editor: Editor) -> None:
    """Taplo offers those of all layers, whatever the type."""
    offered = editor.offered('[[layers]]\ntype = "swish"\n|\n')
    assert {"beta", "kernel_size", "stride", "padding", "init", "use"} <= set(offered)
    assert "type" not in offered
    assert not [label for label in offered if "." in label]
    assert offered["beta"] == "How steep it is."
    assert offered["kernel_size"] == "Height and width of the kernel, in taps."


def test_tables(editor: Editor) -> None:
    assert {"optimizer", "data", "train", "data.augment"} <= set(editor.offered("[|]\n"))
    assert {"lr", "momentum", "betas"} <= set(editor.offered('[optimizer]\ntype = "sgd"\n|\n'))
    assert set(editor.offered("[train]\n|\n")) == {"epochs", "batch_size", "schedule", "seed"}
    noise = editor.offered('[data]\nnoise = { type = "gaussian", | }\n')
    assert set(noise) >= {"sigma", "block", "probability"}


def test_names_in_tables(editor: Editor) -> None:
    assert set(editor.offered('[optimizer]\ntype = "|"\n')) == {'"adam"', '"sgd"'}
    assert {'"noisy"', '"clean"'} <= set(editor.offered("[data]\ntarget = |\n"))
