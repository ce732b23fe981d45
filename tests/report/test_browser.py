"""The page in a real browser: nothing asked for, nothing wrong, and the slider moves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.report.browser import Browser, browser, find_browser
from tests.report.making import make_pictures, make_run, registry
from zoo.report.report import run_page, runs_page
from zoo.report.run_files import read_run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_browser() is None, reason="there is no chromium"),
]
SPLIT = "getComputedStyle(document.querySelector('.stack')).getPropertyValue('--split')"
CLIPPED = "getComputedStyle(document.querySelector('.layer.over')).clipPath"
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    name = f"{'a-long-name-without-spaces' * 4}.png"
    run = make_run(folder / "run", epochs=12, name=name)
    make_pictures(run, 256, name=name)
    other = make_run(folder / "other", epochs=5)
    bare = folder / "bare"
    bare.mkdir()
    (bare / "metrics.jsonl").write_text("{}\n")
    found = {
        "one": run_page(read_run(run, registry()), registry()),
        "bare": run_page(read_run(bare, registry()), registry()),
        "several": runs_page([read_run(it, registry()) for it in (run, other, bare)]),
    }
    for kind, text in found.items():
        (folder / f"{kind}.html").write_text(text)
    return {kind: folder / f"{kind}.html" for kind in found}


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("kind", ["one", "several", "bare"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wrong_and_nothing_is_asked_for(
    opened: Browser, pages: dict[str, Path], kind: str, width: int, scheme: str
) -> None:
    opened.open(pages[kind], width, color_scheme=scheme)
    assert opened.messages == []
    assert opened.requests == [pages[kind].resolve().as_uri()]
    assert opened.value(WIDER) == 0
    dark = opened.value("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")


def test_the_slider_moves_by_keys(opened: Browser, pages: dict[str, Path]) -> None:
    opened.open(pages["one"], 390)
    assert opened.value(SPLIT) == "50%"
    opened.value("document.querySelector('.slider input').focus()")
    for _ in range(3):
        opened.press("ArrowRight")
    assert (opened.value(SPLIT), opened.value(CLIPPED)) == ("53%", "inset(0px 0px 0px 53%)")
    opened.press("Home")
    assert opened.value(SPLIT) == "0%"
    said = opened.value("document.querySelector('.slider input').getAttribute('aria-valuetext')")
    assert said == "0 % noisy"


def test_the_clean_picture_and_single_pixels(opened: Browser, pages: dict[str, Path]) -> None:
    opened.open(pages["one"], 390)
    shown = (
        "[...document.querySelector('.stack').children].filter(it => it.offsetWidth)"
        ".map(it => it.dataset.label).join()"
    )
    assert opened.value(shown) == "noisy,denoised"
    opened.value("document.querySelector('[data-beside=\"1\"]').click()")
    assert opened.value(shown) == "clean,denoised"
    width = "document.querySelector('.layer.over img').getBoundingClientRect().width"
    natural = opened.value("document.querySelector('.layer.over img').naturalWidth")
    opened.value("document.querySelector('[data-zoom=\"4\"]').click()")
    assert opened.value(width) == 4 * natural
    assert opened.value(WIDER) == 0  # its own pane scrolls
    opened.value("document.querySelector('[data-zoom=\"1\"]').click()")
    assert opened.value(width) == natural
    assert opened.messages == []


def test_on_paper_all_pictures_are_beside_each_other(
    opened: Browser, pages: dict[str, Path], tmp_path: Path
) -> None:
    opened.open(pages["one"], 794, media="print", color_scheme="dark")
    tops = opened.value(
        "[...document.querySelector('.stack').children].map(it => it.getBoundingClientRect())"
        ".map(it => [it.top, it.width > 100])"
    )
    assert len(tops) == 3
    assert {tuple(it) for it in tops} == {(tops[0][0], True)}
    paper = opened.value("getComputedStyle(document.documentElement).getPropertyValue('--paper')")
    assert paper.strip() == "#ffffff"
    opened.print_to(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
