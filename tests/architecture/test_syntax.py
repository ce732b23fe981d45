"""What is reported of a text that is not TOML: one clear line, at the position to look at."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from tests.draws import draws
from zoo.architecture.positions import normalised
from zoo.architecture.syntax import syntax_problem

ROOT = Path(__file__).parents[2]
FILES = [*sorted(ROOT.glob("architectures/*.toml")), *sorted(ROOT.glob("tests/invalid/*.toml"))]
PLENTY = draws(1000)


def accepted(text: str) -> bool:
    try:
        tomli.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


MODERN = accepted("a = {\n}")  # TOML 1.1


def problem(text: str) -> str:
    """``line:column message`` of a text that tomli refuses."""
    with pytest.raises(tomli.TOMLDecodeError) as caught:
        tomli.loads(text)
    message, line, column = syntax_problem(text, caught.value)
    return f"{line}:{column} {message}"


EXAMPLES = [
    ("type = conv2d", '1:8 conv2d is not a TOML value. Text needs quotes: "conv2d".'),
    ("type = conv2d # c", '1:8 conv2d is not a TOML value. Text needs quotes: "conv2d".'),
    (
        "name = my small net",
        '1:8 my small net is not a TOML value. Text needs quotes: "my small net".',
    ),
    ("flip = True", "1:8 True is not a TOML value. Write true in lower case."),
    ("flip = FALSE", "1:8 FALSE is not a TOML value. Write false in lower case."),
    ("x = None", "1:5 None is not a TOML value. Leave the key out, or write text in quotes."),
    ("x = .5", "1:5 .5 is not a TOML value. A number has digits on both sides of its point."),
    ("x = -.5e3", "1:5 -.5e3 is not a TOML value. A number has digits on both sides of its point."),
    ("x = 5.", "1:5 5. is not a TOML value. A number has digits on both sides of its point."),
    ("x = 5.e3", "1:5 5.e3 is not a TOML value. A number has digits on both sides of its point."),
    ("x = 01", "1:5 01 is not a TOML value. A number has no zeros in front."),
    ("x = -007", "1:5 -007 is not a TOML value. A number has no zeros in front."),
    ("x = [01]", "1:6 01 is not a TOML value. A number has no zeros in front."),
    ("x = 1__0", "1:5 1__0 is not a TOML value. An underscore stands between two digits."),
    ("x = 1_", "1:5 1_ is not a TOML value. An underscore stands between two digits."),
    ("x = _1", "1:5 _1 is not a TOML value. An underscore stands between two digits."),
    ("x = 3x3", '1:5 3x3 is not a TOML value. Text needs quotes: "3x3".'),
    ("x = 32px", '1:5 32px is not a TOML value. Text needs quotes: "32px".'),
    ("x = 0X1F", '1:5 0X1F is not a TOML value. Text needs quotes: "0X1F".'),
    ("x = +0x1F", '1:5 +0x1F is not a TOML value. Text needs quotes: "+0x1F".'),
    ("x = 1e", '1:5 1e is not a TOML value. Text needs quotes: "1e".'),
    (
        "x = 2021-02-30",
        "1:5 2021-02-30 is not a TOML value. Write dates as 2022-05-31, times as 23:59:00.",
    ),
    (
        "x = 2021-2-3",
        "1:5 2021-2-3 is not a TOML value. Write dates as 2022-05-31, times as 23:59:00.",
    ),
    ("x = 25:00", "1:5 25:00 is not a TOML value. Write dates as 2022-05-31, times as 23:59:00."),
    ("x = (3, 3)", "1:5 (3 is not a TOML value. A list has square brackets, [1, 2]."),
    ("x = “net”", "1:5 “net” is not a TOML value. Text needs straight quotes, \" or '."),
    ("x = yes", '1:5 yes is not a TOML value. Text needs quotes: "yes".'),
    ("x = inform", '1:5 inform is not a TOML value. Text needs quotes: "inform".'),
    ("x = truee", '1:5 truee is not a TOML value. Text needs quotes: "truee".'),
    ("x = +", '1:5 + is not a TOML value. Text needs quotes: "+".'),
    ("x = 0,001", "1:5 0,001 is not a TOML value. Write 0.001 with a point."),
    ("x = 3,", "1:6 , cannot end a line. Remove it."),
    ("x = 3;", "1:6 ; cannot end a line. Remove it."),
    ("x = 3 4", "1:7 4 follows a complete line. Remove it, or quote all as text."),
    ("x = 3 by 3", "1:7 by 3 follows a complete line. Remove it, or quote all as text."),
    ('name = "a" b = 2', "1:12 b = 2 follows in the same line. Start a new line for it."),
    ("a = 1 b = 2", "1:7 b = 2 follows in the same line. Start a new line for it."),
    ('name = "say "hi""', '1:14 The text ends before hi"". Write \\" for a quote in it.'),
    ("name = 'it's'", "1:12 The text ends before s'. Write text with a ' in \"...\"."),
    ('name = ""x"', '1:10 The text ends before x". Write \\" for a quote in it.'),
    ("x = [1, 2]]", "1:11 ] closes nothing. Remove it."),
    ("[layers]]", "1:9 ] closes nothing. Remove it."),
    ("[[layers]", "1:1 [[layers] has one closing bracket. Write [[layers]]."),
    ("[[layers", "1:1 The header is not closed in its line. Write [[layers]]."),
    ("[layers", "1:1 The header is not closed in its line. Write [layers]."),
    ("[my table]", '1:2 my table is not a TOML key. It needs quotes: "my table".'),
    ("[]", "1:2 A key is missing in front of ]. Write key = value, or [table]."),
    ("[[]]", "1:3 A key is missing in front of ]]. Write key = value, or [table]."),
    ("[a.]", "1:4 A key is missing in front of ]. Write key = value, or [table]."),
    ("[a] b = 1", "1:5 b = 1 follows in the same line. Start a new line for it."),
    ("[ä]", '1:2 ä is not a TOML key. It needs quotes: "ä".'),
    ('["a]', '1:2 The text that opens here is not closed in its line. Close it with ".'),
    ("epochs", "1:7 epochs has no value. Write epochs = value."),
    ("epochs 10", "1:8 The = is missing after epochs. Write epochs = value."),
    ("epochs: 10", "1:7 epochs has a colon after it. Write epochs = value."),
    ("epochs =", "1:9 epochs has no value. Write one after the =."),
    ("epochs = # none", "1:10 epochs has no value. Write one after the =."),
    ("epochs = = 3", "1:10 epochs has two = after it. Write epochs = value."),
    ("epochs == 3", "1:9 epochs has two = after it. Write epochs = value."),
    ("epochs => 3", '1:9 > 3 is not a TOML value. Text needs quotes: "> 3".'),
    ("my key = 1", '1:1 my key is not a TOML key. It needs quotes: "my key".'),
    ("naïve = 1", '1:1 naïve is not a TOML key. It needs quotes: "naïve".'),
    ("é = 1", '1:1 é is not a TOML key. It needs quotes: "é".'),
    ("a. = 1", "1:4 A key is missing in front of the =. Write key = value."),
    (".a = 1", "1:1 A key is missing in front of .a = 1. Write key = value, or [table]."),
    ("= 1", "1:1 A key is missing in front of the =. Write key = value."),
    ("// c", "1:1 // c is no comment in TOML. Write # in front of it."),
    ("; c", "1:1 ; c is no comment in TOML. Write # in front of it."),
    ("-- c", "1:4 The = is missing after --. Write -- = value."),
    ("]", "1:1 ] closes nothing. Remove it."),
    ("}", "1:1 } closes nothing. Remove it."),
    ('{"a": 1}', '1:1 A key is missing in front of {"a": 1}. Write key = value, or [table].'),
    ("<xml>", "1:1 A key is missing in front of <xml>. Write key = value, or [table]."),
    ("a.b c = 1", '1:1 a.b c is not a TOML key. It needs quotes: a."b c".'),
    ('"a b = 1', '1:1 The text that opens here is not closed in its line. Close it with ".'),
    ('"a\\qb" = 1', "1:3 \\q is no escape in TOML. Write \\\\ for a backslash, or use '...'."),
    ('"a" "b" = 1', '1:5 The = is missing after "a". Write "a" = value.'),
    ('a = "C:\\data"', "1:8 \\d is no escape in TOML. Write \\\\ for a backslash, or use '...'."),
    (
        'a = "C:\\new\\x"',
        "1:12 \\x needs the 2 hexadecimal digits of a character. Write \\\\ for a backslash.",
    ),
    (
        'a = "\\u12"',
        "1:6 \\u needs the 4 hexadecimal digits of a character. Write \\\\ for a backslash.",
    ),
    (
        'a = "\\ud800"',
        "1:6 \\u needs the 4 hexadecimal digits of a character. Write \\\\ for a backslash.",
    ),
    (
        'a = "\\U00110000"',
        "1:6 \\U needs the 8 hexadecimal digits of a character. Write \\\\ for a backslash.",
    ),
    ('a = "abc', '1:5 The text that opens here is not closed in its line. Close it with ".'),
    ("a = 'abc", "1:5 The text that opens here is not closed in its line. Close it with '."),
    ('a = """abc', '1:5 The text that opens here is not closed anywhere. Close it with """.'),
    ("a = '''abc", "1:5 The text that opens here is not closed anywhere. Close it with '''."),
    ('a = "abc\\', '1:5 The text that opens here is not closed in its line. Close it with ".'),
    ('a = """a\\ b"""', "1:9 \\  is no escape in TOML. Write \\\\ for a backslash, or use '...'."),
    ("a = [1, 2", "1:5 The [ that opens here is never closed. Close it with ]."),
    ("a = [1 2]", "1:8 A comma is missing in front of 2]. Items need one between."),
    (
        "a = [1, , 2]",
        "1:9 A value is missing in front of ,. "
        "Write a number, true, false, text in quotes, a list or a table.",
    ),
    ('a = ["a" "b"]', '1:10 A comma is missing in front of "b"]. Items need one between.'),
    ('a = ["a"b]', '1:9 The text ends before b]. Write \\" for a quote in it.'),
    ("a = [conv2d, relu]", '1:6 conv2d is not a TOML value. Text needs quotes: "conv2d".'),
    ("a = [1; 2]", "1:7 A comma is missing in front of ; 2]. Items need one between."),
    ("a = [1}", "1:7 } cannot close the [ of line 1. Write ]."),
    ("a = (1", "1:5 (1 is not a TOML value. A list has square brackets, [1, 2]."),
    ("a = {b = 1 c = 2}", "1:12 A comma is missing in front of c = 2}. Items need one between."),
    (
        "a = {b = 1, , c = 2}",
        "1:13 A key is missing in front of , c = 2}. Write key = value, or [table].",
    ),
    ("a = {b: 1}", "1:7 b has a colon after it. Write b = value."),
    ('a = {"b": 1}', '1:9 "b" has a colon after it. Write "b" = value.'),
    ("a = {b}", "1:7 b has no value. Write b = value."),
    ("a = {b = }", "1:10 b has no value. Write one after the =."),
    ("a = {b = 1]", "1:11 ] cannot close the { of line 1. Write }."),
    ("a = {b = 1; c = 2}", "1:11 A comma is missing in front of ; c = 2}. Items need one between."),
    ("a = {1}", "1:7 1 has no value. Write 1 = value."),
    ("a = {'b'}", "1:9 'b' has no value. Write 'b' = value."),
    ("a = <", '1:5 < is not a TOML value. Text needs quotes: "<".'),
    ("a = @x", '1:5 @x is not a TOML value. Text needs quotes: "@x".'),
    ("a = $HOME", '1:5 $HOME is not a TOML value. Text needs quotes: "$HOME".'),
    ("a = ,", "1:5 a has no value. Write one after the =."),
    ("a = ]", "1:5 a has no value. Write one after the =."),
    ("a = }", "1:5 a has no value. Write one after the =."),
    ("a = #", "1:5 a has no value. Write one after the =."),
    ("a b", "1:3 The = is missing after a. Write a = value."),
    ("a,b = 1", "1:2 a has no value. Write a = value."),
    ("a = 1 ]", "1:7 ] closes nothing. Remove it."),
    ("a = 1)", '1:5 1) is not a TOML value. Text needs quotes: "1)".'),
    (
        "a = 1 # b\x00",
        "1:10 The character U+0000 stands here. Remove it, or write \\u0000 in text.",
    ),
    ('a = "\x01b"', "1:6 The character U+0001 stands here. Remove it, or write \\u0001 in text."),
    ("a = 1\ra = 2", "1:6 A carriage return stands here alone. Lines end with a newline."),
    ("\x00", "1:1 The character U+0000 stands here. Remove it, or write \\u0000 in text."),
    ("\ufeffa = 1", "1:1 The character U+FEFF stands here. Remove it, or write \\ufeff in text."),
    ("a = b\xa0c", '1:5 b is not a TOML value. Text needs quotes: "b".'),
    ("\xa0a = 1", "1:1 The character U+00A0 stands here. Remove it, or write \\u00a0 in text."),
    ("a = tru\nb = [", '1:5 tru is not a TOML value. Text needs quotes: "tru".'),
    ("a = {b = conv2d, c = 1}", '1:10 conv2d is not a TOML value. Text needs quotes: "conv2d".'),
    ("a = [\n  1\n  2\n]", "3:3 A comma is missing in front of 2. Items need one between."),
    ("a = [1, 2\nb = 3", "1:5 The [ is not closed before line 2. Close it with ]."),
    ("a = [1, 2,\nb = 3", "1:5 The [ is not closed before line 2. Close it with ]."),
    ("a = 1\xa0", "1:6 The character U+00A0 stands here. Remove it, or write \\u00a0 in text."),
    ("a = 3, # c", "1:6 , cannot end a line. Remove it."),
    ("a = [1,\n[t]\nb = 1", '2:2 t is not a TOML value. Text needs quotes: "t".'),
    ("a = 1\na = conv2d", '2:5 conv2d is not a TOML value. Text needs quotes: "conv2d".'),
    ('a = 1\na = "x', '2:5 The text that opens here is not closed in its line. Close it with ".'),
]
EXAMPLES_OF_LINES = [
    ("a = {b = 1", "1:5 The { that opens here is never closed. Close it with }."),
    (
        "a = {b = 1,\nc = 2\nd = 3",
        "1:5 The { is not closed before line 3. Close it with }, or add a comma.",
    ),
    ("a = {b = 1,\nc = 2\nd", "3:1 A comma is missing in front of d. Items need one between."),
    ("a = {b = 1\n[t]", "1:5 The { is not closed before line 2. Close it with }."),
]


@pytest.mark.parametrize(("text", "expected"), EXAMPLES)
def test_the_problem_of_a_text(text: str, expected: str) -> None:
    assert problem(f"{text}\n") == expected


@pytest.mark.skipif(not MODERN, reason="this tomli reads TOML 1.0, without lines in inline tables")
@pytest.mark.parametrize(("text", "expected"), EXAMPLES_OF_LINES)
def test_the_problem_of_an_inline_table_of_several_lines(text: str, expected: str) -> None:
    assert problem(f"{text}\n") == expected


def test_an_inline_table_that_only_toml_1_1_allows_to_go_on() -> None:
    newer = "1:5 The { is not closed before line 2. Close it with }, or add a comma."
    older = "1:5 The inline table has several lines. Write it in one line, or below a header."
    assert problem("a = {b = 1\n  c = 2}") == (newer if MODERN else older)


def test_the_problem_at_the_very_end_of_a_text() -> None:
    assert problem("a =") == "1:4 a has no value. Write one after the =."
    assert problem("a = [1") == "1:5 The [ that opens here is never closed. Close it with ]."
    assert problem('a = "b\\') == (
        '1:5 The text that opens here is not closed in its line. Close it with ".'
    )


def test_long_words_are_shortened() -> None:
    assert problem(f"a = {'x' * 1000}") == (
        f'1:5 {"x" * 37}... is not a TOML value. Text needs quotes: "{"x" * 37}...".'
    )
    assert problem(f"{'k' * 1000} 1") == (
        f"1:1002 The = is missing after {'k' * 37}.... Write {'k' * 37}... = value."
    )


def test_an_error_elsewhere_has_the_words_of_tomli() -> None:
    text = '"\\q" = 1'
    for at in (5, 100):  # not where it is, so nothing can be found out
        message, line, column = syntax_problem(text, tomli.TOMLDecodeError("It is odd", text, at))
        assert message == "It is odd."
        assert (line, column) == (1, min(at, len(text)) + 1)


def check_refused(text: str, corpus: Counter[str]) -> None:
    """If tomli refuses a text, what is reported is one line with a position within the text."""
    corpus["texts"] += 1
    try:
        tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        message, line, column = syntax_problem(text, error)
        assert message.isprintable(), text
        assert message.endswith("."), text
        assert not message.endswith("..") or message.endswith("...."), text
        assert 10 < len(message) <= 200, text
        lines = text.split("\n")
        assert 1 <= line <= len(lines), text
        assert 1 <= column <= len(lines[line - 1]) + 1, text
        corpus["refused"] += 1
        corpus["in the words of tomli"] += message == f"{error.msg}."
    except (ValueError, RecursionError):
        pass


PIECES = st.sampled_from(
    [
        *("a", "b", "1", "0", "_", ".", "-", "+", "=", ",", ":", ";", "[", "]", "[[", "]]", "{"),
        *("}", "(", ")", '"', "'", '"""', "'''", "\\", "\\u", "\\x4", "\\ ", "#", " ", "\t", "\n"),
        *("a = ", "a.b = ", "[a]\n", "[[a]]\n", "[a.b]\n", "true", "True", "inf", "1979-05-27"),
        *("\r", "\x00", "\x7f", "\ufeff", "\u2028", "\u00a0", "\u3000", "é", "😀", "\ud800"),
    ]
)


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(st.lists(PIECES, max_size=14).map("".join), id="pieces"),
        pytest.param(st.text(max_size=20).map(lambda text: f"a = {text}"), id="values"),
        pytest.param(st.text(max_size=40), id="texts"),
    ],
)
def test_any_text_that_is_refused(texts: st.SearchStrategy[str]) -> None:
    corpus: Counter[str] = Counter()

    @PLENTY
    @given(texts.map(normalised))
    def examine(text: str) -> None:
        check_refused(text, corpus)

    examine()
    print(dict(corpus))
    assert corpus["refused"] >= 500
    assert corpus["in the words of tomli"] == 0


def check_broken_files(seeds: range) -> Counter[str]:
    corpus: Counter[str] = Counter()
    files = [normalised(path.read_bytes().decode("utf-8")) for path in FILES]
    for seed in seeds:
        choices = random.Random(seed)
        text = choices.choice(files)
        start = choices.randint(0, len(text))
        end = start + choices.choice([0, 0, 1, 1, 2, 9, 10**6])
        put_in = choices.choice(
            ["", "", "]", "}", '"', "'", ",", "x", "\\", " y", "\n", "\n[", " = "]
        )
        check_refused(text[:start] + put_in + text[end:], corpus)
    return corpus


def test_files_with_a_mistake() -> None:
    corpus = check_broken_files(range(3000))
    print(dict(corpus))
    assert corpus["refused"] >= 1000
    assert corpus["in the words of tomli"] == 0
