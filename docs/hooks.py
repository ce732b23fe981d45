"""What MkDocs does for zoo besides: pages from elsewhere, and links that leave the documentation.

The guide for plugins, CONTRIBUTING and CHANGELOG are where readers of the repository look for them;
here they become pages too. Links are written as they work in the repository. One to a page goes to
that page; one to a file that is no page, such as a module, keeps its text only, for a built site
has no such file. One to nothing is left as it is, and ``mkdocs build --strict`` refuses it.
"""

from __future__ import annotations

import re
from os.path import normpath, relpath
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
ELSEWHERE = {
    "writing-a-plugin.md": "plugins/README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
}
PAGES = {source: page for page, source in ELSEWHERE.items()}
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s#]+)(#[^)\s]*)?\)")
CODE = re.compile(r"^```.*?^```", flags=re.DOTALL | re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from elsewhere."""
    for page, source in ELSEWHERE.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn the links of a page into those that work on the site."""
    name = page.file.src_uri
    parts, end = [], 0
    for code in CODE.finditer(markdown):
        parts += [_linked(markdown[end : code.start()], name), code[0]]
        end = code.end()
    return "".join([*parts, _linked(markdown[end:], name)])


def _linked(text: str, name: str) -> str:
    return LINK.sub(lambda link: _link(link[0], link[1], link[2], link[3] or "", name), text)


def _link(whole: str, text: str, target: str, anchor: str, name: str) -> str:
    if ":" in target:
        return whole
    folder = PurePosixPath(ELSEWHERE.get(name, f"docs/{name}")).parent
    path = normpath(folder / target)  # from the repository's root
    site = PurePosixPath("docs", name).parent
    if path in PAGES:
        return f"[{text}]({relpath(f'docs/{PAGES[path]}', site)}{anchor})"
    if path.startswith("docs/") and not path.endswith(".py"):
        return f"[{text}]({relpath(path, site)}{anchor})"
    return text if (ROOT / path).exists() else whole
