"""Time all shipped architectures beside torch.nn and write the table of docs/speed.md.

From the repository's root, in an environment where zoo and its plugins are installed::

    python tests/benchmarks/run.py                      all of them; the table goes to the terminal
    python tests/benchmarks/run.py r1 r5 -o speed.md    some of them; the table goes to a file
    python tests/benchmarks/run.py --no-compile         what is not known here goes to zoo bench

Each architecture is timed by ``zoo bench --json`` in a process of its own, with the batches of its
defaults, but the large networks (``LARGE``) with batches of 4 images of 64x64. It takes some
minutes for each; nothing else should run meanwhile. No test: pytest does not collect it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

ARCHITECTURES = Path(__file__).parents[2] / "architectures"
OF_LARGE = ("--batch-size", "4", "--size", "64x64")
LARGE: Mapping[str, Sequence[str]] = {"n2n_unet": OF_LARGE, "dncnn": OF_LARGE}
TITLES = {
    "nchw": "torch.nn",
    "channels_last": "channels_last",
    "compile": "torch.compile",
    "autotuned": "max-autotune",
}


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", help="architectures; all that are shipped by default")
    parser.add_argument("-o", "--out", type=Path, help="file for the table")
    options, others = parser.parse_known_args()
    names = options.names or sorted(path.stem for path in ARCHITECTURES.glob("*.toml"))
    reports = [report for name in names if (report := measured(name, others)) is not None]
    text = "\n".join(table(reports, date.today())) if reports else ""
    if options.out is None:
        print(text)
    else:
        options.out.write_text(f"{text}\n", "utf-8")
    sys.exit(len(reports) < len(names))


def measured(name: str, options: Sequence[str]) -> dict[str, Any] | None:
    """What ``zoo bench --json`` finds for an architecture; None after it has reported an error."""
    print(name, file=sys.stderr)
    command = [sys.executable, "-m", "zoo", "bench", str(ARCHITECTURES / f"{name}.toml"), "--json"]
    result = subprocess.run(
        [*command, *LARGE.get(name, ()), *options], stdout=subprocess.PIPE, check=False
    )
    if result.returncode:
        return None
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def table(reports: Sequence[Mapping[str, Any]], day: date) -> Iterator[str]:
    """The lines of the table in Markdown, after a line that says what it is of."""
    machine = reports[0]["machine"]
    versions = machine["versions"]
    yield (
        f"{machine['cpu']}, {machine['device']}, {machine['precision']}, matrix products at "
        f"{machine['matmul_gflops']:.0f} GFLOP/s; torch {versions['torch']}, Python "
        f"{versions['python']}, zoo {versions['zoo']}; {day.isoformat()}. Milliseconds."
    )
    yield ""
    cases = [(report["architecture"], case) for report in reports for case in report["cases"]]
    timed = [key for key in TITLES if any(key in case["variants"] for _, case in cases)]
    heads = ["zoo", *(TITLES[key] for key in timed), "zoo / best", "GFLOP/s", "memory"]
    yield f"| network | step, batch | {' | '.join(heads)} |"
    yield f"|---|---|{'--:|' * len(heads)}"
    for architecture, case in cases:
        cells = [_milliseconds(case, key) for key in ("zoo", *timed)]
        cells += [_ratio(case["ratio"]), f"{case['variants']['zoo']['gflops']:.0f}"]
        cells.append(_ratio(case["memory_ratio"]))
        step = f"{case['step']}, {case['batch_size']}"
        yield f"| `{architecture['name']}` | {step} | {' | '.join(cells)} |"
    for report in reports:
        for remark in report["remarks"]:
            yield f"\n`{report['architecture']['name']}`: {remark}"


def _milliseconds(case: Mapping[str, Any], name: str) -> str:
    figure = case["variants"].get(name)
    return "" if figure is None else f"{1000 * figure['seconds']:.3g}"


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


if __name__ == "__main__":
    main()
