"""What to write instead of a word that is no value of TOML."""

from __future__ import annotations

import re
from collections.abc import Sequence

from zoo.architecture.syntax_context import excerpt, quoted_excerpt

# Words that are no value, and what to write.
ADVICE: Sequence[tuple[str, str]] = (
    (r".*[\u2018-\u201f\u00ab\u00bb].*", "Text needs straight quotes, \" or '."),
    (r"(?i:[+-]?(true|false|inf|nan))", "Write {lower} in lower case."),
    (r"(?i:null|none|nil)", "Leave the key out, or write text in quotes."),
    (r"[+-]?(\.[0-9].*|[0-9_]+\.([eE].*)?)", "A number has digits on both sides of its point."),
    (r"[+-]?0[0-9_]+(\.[0-9]*)?", "A number has no zeros in front."),
    (r"[+-]?(?=.*[0-9])[0-9_]+(\.[0-9_]+)?", "An underscore stands between two digits."),
    (r"[0-9]{4}-[0-9]+-[0-9].*|[0-9]+:[0-9].*", "Write dates as 2022-05-31, times as 23:59:00."),
    (r"\(.*", "A list has square brackets, [1, 2]."),
)


def advised(word: str, words: str) -> str:
    """The message for a word, which may be the first of the words that follow each other."""
    for pattern, advice in ADVICE:
        if re.fullmatch(pattern, word):
            return f"{excerpt(word)} is not a TOML value. {advice.format(lower=word.lower())}"
    return f"{excerpt(words)} is not a TOML value. Text needs quotes: {quoted_excerpt(words)}."
