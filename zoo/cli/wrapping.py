"""Long lines on a terminal, which would break them within words."""

from __future__ import annotations

import re
import shutil
import textwrap
from typing import TextIO

KEPT = re.compile(r"'\{.*?\}'|(?<=: )\s*zoo .*")  # what is to be pasted: one line for a shell
SPACE = "\ue000"  # stands for a space there; of the private use area, which is never printed


def wrapped(line: str, stream: TextIO | None) -> str:
    """A line of printable text, broken at words where it does not fit the terminal ``stream``.

    What continues it is indented as it is. Commands to paste stay whole.
    """
    if stream is None or not stream.isatty():
        return line
    width = max(20, shutil.get_terminal_size().columns)
    if len(line) <= width:
        return line
    whole = KEPT.sub(lambda match: match[0].replace(" ", SPACE), line)
    indent = " " * min(len(line) - len(line.lstrip()), width // 2)
    lines = textwrap.wrap(
        whole,
        width,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    )
    return "\n".join(lines).replace(SPACE, " ")
