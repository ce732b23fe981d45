"""A headless Chromium that opens a page: a small client of its DevTools protocol, over two pipes.

Messages are JSON with a zero byte after each; the browser reads them from its descriptor 3 and
answers on 4 (``--remote-debugging-pipe``).
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
OPTIONS = (
    *("--headless=new", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu"),
    *("--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars", "--disable-extensions"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
# Gives the descriptors of its first two arguments the numbers 3 and 4, and becomes the browser.
BECOME = (
    "import os, sys; r, w = (os.dup(int(it)) for it in sys.argv[1:3]); "
    "r, w = (os.dup(it) if it < 5 else it for it in (r, w)); os.dup2(r, 3); os.dup2(w, 4); "
    "os.execv(sys.argv[3], sys.argv[3:])"
)
PATIENCE = 30.0  # seconds
EVENTS = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")


def find_browser() -> str | None:
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Browser:
    """One page of a browser.

    Attributes:
        messages: errors and warnings of the console.
        requests: addresses asked for, those of data: left out.
    """

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write = read, write
        self._buffer = b""
        self._number = 0
        self._loaded = False
        self.messages: list[str] = []
        self.requests: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._call(method, self._session, **parameters)

    def open(self, path: Path, width: int, height: int = 900, **media: str) -> None:
        """Load a file in a window of a size; ``color_scheme="dark"``, ``media="print"``."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        scheme = {"name": "prefers-color-scheme", "value": media.get("color_scheme", "light")}
        kind = media.get("media", "")
        self.call("Emulation.setEmulatedMedia", media=kind, features=[scheme])
        self._loaded = False
        self.requests.clear()
        self.call("Page.navigate", url=path.resolve().as_uri())
        self._until(lambda: self._loaded)

    def value(self, expression: str) -> Any:
        """What an expression of the page's own language is."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def press(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            code = {"ArrowRight": 39, "ArrowLeft": 37, "Home": 36, "End": 35}[key]
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code
            )

    def picture(self, path: Path, *, whole: bool = True) -> None:
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=whole, format="png")
        path.write_bytes(base64.b64decode(shot["data"]))

    def print_to(self, path: Path) -> None:
        path.write_bytes(
            base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])
        )

    def _call(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        content = json.dumps(message).encode() + b"\0"
        while content:
            content = content[os.write(self._write, content) :]
        answers: list[dict[str, Any]] = []
        self._until(lambda: bool(answers), self._number, answers)
        assert "error" not in answers[0], answers[0]
        result: dict[str, Any] = answers[0]["result"]
        return result

    def _until(self, done: Any, number: int = 0, answers: Any = None) -> None:
        deadline = time.monotonic() + PATIENCE
        while not done():
            ready, _, _ = select.select([self._read], [], [], max(0, deadline - time.monotonic()))
            assert ready, "the browser does not answer"
            received = os.read(self._read, 2**20)
            assert received, "the browser has ended"
            *messages, self._buffer = (self._buffer + received).split(b"\0")
            for text in messages:
                message = json.loads(text)
                if number and message.get("id") == number:
                    answers.append(message)
                self._hear(message)

    def _hear(self, message: dict[str, Any]) -> None:
        method, parameters = message.get("method", ""), message.get("params", {})
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Network.requestWillBeSent":
            address = parameters["request"]["url"]
            if not address.startswith("data:"):
                self.requests.append(address)
        elif method in EVENTS:
            self.messages.append(json.dumps(parameters)[:1000])


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser with its profile in a folder; ends with the block."""
    path = find_browser()
    assert path is not None
    to_read, write = os.pipe()
    read, to_write = os.pipe()
    command = [sys.executable, "-S", "-c", BECOME, str(to_read), str(to_write), path]
    process = subprocess.Popen(
        [*command, *OPTIONS, f"--user-data-dir={folder}"],
        pass_fds=(to_read, to_write),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_read)
    os.close(to_write)
    try:
        yield Browser(read, write)
    finally:
        os.close(write)
        os.close(read)
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
