"""What a run ran on, what it was trained on and how it was set: environment, data, commands."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import PurePath
from typing import Any

from zoo.errors import first_of, printable
from zoo.report.page import Section, render
from zoo.report.plain import at, in_words, items, table, text
from zoo.report.run_files import RunFiles

MOST_ROWS = 40
MOST_IMAGES = 100_000
SHOWN_NAMES = 6
LONGEST_TOML = 20_000  # characters
TORCH = "torch"  # of train.backend: who has computed the steps


def facts(run: RunFiles) -> Section:
    """Environment, command and data of a run."""
    tables = [
        ("Training", list(_training(run.resolved))),
        ("Data", list(_data(run))),
        ("Environment", list(_environment(run.environment))),
    ]
    body = render("facts.html", tables=tables, commands=_commands(run), toml=_toml(run.toml))
    return Section("facts", "Environment, command, data", body)


def origin(run: RunFiles) -> str:
    """The folder, when it was written, its data and their noise."""
    data = table(run.resolved.get("data"))
    said = [run.name, run.written]
    if source := data.get("source"):
        path = text(at(source, "path"))
        of = f" {PurePath(path).name}" if path else ""
        kind = text(source, 60) or text(at(source, "type"), 60)
        said.append(f"trained on {kind}{of}")
    if noise := data.get("noise"):
        noisy = at(noise, "type") == "none"
        said.append("no noise added" if noisy else f"{in_words(noise, ranges=True)} noise")
    return " · ".join(part for part in said if part)


def backend(run: RunFiles) -> str:
    """Who has computed the steps, where that is not zoo; else ""."""
    for value in (run.environment.get("backend"), at(run.resolved, "train", "backend")):
        if value == TORCH:
            return TORCH
    return ""


def _training(resolved: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    optimizer = table(resolved.get("optimizer"))
    if optimizer:
        yield "optimizer", in_words(optimizer)
    if loss := resolved.get("loss"):
        yield "loss", in_words(loss)
    train = table(resolved.get("train"))
    for name in ("epochs", "batch_size", "schedule", "precision", "seed", "backend"):
        if name in train and not (name == "backend" and train[name] != TORCH):
            yield name.replace("_", " "), in_words(train[name])


def _data(run: RunFiles) -> Iterator[tuple[str, str]]:
    data = table(run.resolved.get("data"))
    for name in ("source", "validation", "noise", "evaluation_noise", "target", "range"):
        if name in data:
            ranges = name in ("noise", "evaluation_noise", "range")
            yield name.replace("_", " "), in_words(data[name], ranges=ranges)
    for side, said in (("train", "trained on"), ("held_out", "held out")):
        images = items(run.data.get(side), MOST_IMAGES)
        if images:
            names = [text(at(image, "name"), 80) or "?" for image in images]
            sizes = sorted({_size(text(at(image, "size"), 30)) for image in images} - {""})
            of = f", {first_of(sizes)} (width × height)" if sizes else ""
            count = f"{len(images):,} image{'s' * (len(images) != 1)}"
            yield said, f"{count}{of}: {first_of(names, SHOWN_NAMES)}"


def _size(given: str) -> str:
    """``3x321x481`` of ``data.json`` as width and height."""
    sides = given.split("x")
    return f"{sides[2]} × {sides[1]}" if len(sides) == 3 else given


def _environment(environment: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    versions, device = table(environment.get("versions")), text(environment.get("device"))
    for name, value in islice(environment.items(), MOST_ROWS):
        twice = name == "precision" or (name == "threads" and "threads" in device)
        if name not in ("versions", "command") and not twice and value is not None:
            yield printable(str(name)[:60]).replace("_", " "), in_words(value)
    if versions:
        words = (f"{text(k, 40)} {text(v, 40)}" for k, v in islice(versions.items(), MOST_ROWS))
        yield "versions", ", ".join(words)


def _commands(run: RunFiles) -> str:
    """How to do the same again, and more with it."""
    folder = printable(str(run.path))
    given = run.environment.get("command")
    words = [text(word) for word in items(given, 100)] if isinstance(given, list) else []
    first = shlex.join(words) if words else text(given, 2000)
    again = shlex.join(["zoo", "run", f"{folder}/architecture.toml"])
    lines = [first or again]
    file = f"{folder}/architecture.toml"
    resume = ["zoo", "run", file, "--out", folder, "--resume"]
    if run.diverged is not None:
        lines.append(shlex.join(["zoo", "run", "--replay", f"{folder}/diverged.pkl"]))
    if run.state in ("stopped", "begun"):
        lines.append(shlex.join(resume))
    elif run.state == "diverged" and run.diverged is not None and run.diverged.blames_data:
        lines.append(shlex.join(["zoo", "run", file, "--weights", folder]))
    elif run.state == "diverged":
        lines.append(shlex.join([*resume, "--set", "optimizer.lr=A SMALLER RATE"]))
    if run.epochs or run.evaluation:  # before, the network is as it was drawn
        lines.append(shlex.join(["zoo", "denoise", folder, "pictures/", "-o", "denoised/"]))
    return "\n".join(lines)


def _toml(text: str) -> str:
    """The resolved file, printable and not long."""
    shown = "\n".join(map(printable, text[:LONGEST_TOML].split("\n")))
    return shown + ("\n…" if len(text) > LONGEST_TOML else "")
