"""What tests of sweeps compare."""

from __future__ import annotations

import json
from typing import Any


def rows_of(text: str) -> Any:
    """All rows of the tables that ``--json`` printed, without what differs between machines."""
    rows = [row for table in json.loads(text)["tables"] for row in table["rows"]]
    for row in rows:
        row.pop("seconds")
    return rows
