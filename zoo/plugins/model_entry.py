"""The record of a trained model that a plugin brings along, and its file, verified."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

from zoo.errors import CheckpointError, PluginError, format_error, shorten
from zoo.files import read_regular

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
RESOURCE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[\w.-]+(/[\w.-]+)*")
LONGEST_SHOWN = 100  # characters of a wrong value
SHA256 = re.compile(r"[0-9a-f]{64}")
MOST_BYTES = 2**31  # of a model's file


@dataclass(frozen=True, kw_only=True)
class ModelEntry:
    """A trained model: a checkpoint for inference and its card, both files of the distribution.

    Attributes:
        name: what a user calls it: lower-case letters and digits in words joined by hyphens, as in
            ``photo-small``.
        file: ``"package:path/in/it.pkl"`` of the checkpoint.
        sha256: of that file, 64 hexadecimal digits; it is compared before the file is loaded.
        card: ``"package:path/in/it.toml"`` of the card (:mod:`zoo.describe.model_card`).
        summary: one line for listings.

    Raises:
        PluginError: a field is not as described.
    """

    kind: ClassVar[str] = "model"
    hook: ClassVar[str] = "zoo_models"

    name: str
    file: str
    sha256: str
    card: str
    summary: str

    def __post_init__(self) -> None:
        self._check("name", NAME, "lower-case letters and digits in words joined by hyphens")
        for field in ("file", "card"):
            self._check(field, RESOURCE, "'package:path/in/it'")
        self._check("sha256", SHA256, "64 hexadecimal digits, in lower case")
        self._check("summary", re.compile(r".{1,200}"), "one line of text")

    def _check(self, field: str, form: re.Pattern[str], words: str) -> None:
        value: Any = getattr(self, field)
        if not isinstance(value, str) or not form.fullmatch(value):
            shown = shorten(repr(value), LONGEST_SHOWN)
            raise PluginError(f"model {self.name!r}: {field} is {shown}. Write it as {words}.")

    @property
    def path(self) -> Path:
        """Where the checkpoint should be; raises PluginError for a package that is not there."""
        return self._resource(self.file)

    @property
    def card_path(self) -> Path:
        """Where the card should be; raises as ``path``."""
        return self._resource(self.card)

    def verified_path(self) -> Path:
        """Where the checkpoint is, once it is known to be the one that was published.

        Raises:
            CheckpointError: the file is missing or another one.
            PluginError: as ``path``.
        """
        path = self.path
        try:
            found = hashlib.sha256(read_regular(path, MOST_BYTES)).hexdigest()
        except OSError as error:
            raise self._unusable(f"cannot be read: {error.strerror}") from error
        if found != self.sha256:
            raise self._unusable(
                f"damaged or replaced: its sha256 begins with {found[:12]} instead of "
                f"{self.sha256[:12]}"
            )
        return path

    def _unusable(self, what: str) -> CheckpointError:
        package = self.file.partition(":")[0].partition(".")[0]
        return CheckpointError(
            f"model {self.name!r}: {self.path}: {what}. Install again what has {package}."
        )

    def _resource(self, reference: str) -> Path:
        package, _, name = reference.partition(":")
        try:
            return Path(str(files(package))).joinpath(name)
        except Exception as error:  # whatever a plugin's package raises while it is imported
            raise PluginError(
                f"model {self.name!r}: cannot import {package!r}: {format_error(error)}."
            ) from error
