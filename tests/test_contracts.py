"""What plugin authors import from zoo itself."""

from __future__ import annotations

import pytest

import zoo
from zoo.plugins.python_subprocess import run_python


def test_every_public_name_is_there() -> None:
    assert [name for name in zoo.__all__ if not hasattr(zoo, name)] == []
    with pytest.raises(AttributeError) as caught:
        zoo.Nose  # noqa: B018  # type: ignore[attr-defined]
    assert str(caught.value) == "module 'zoo' has no attribute 'Nose'"


def test_torch_is_imported_only_for_what_needs_it() -> None:
    code = (
        "import sys, zoo; print('torch' in sys.modules, zoo.Noise.__name__, 'torch' in sys.modules)"
    )
    assert run_python(code, "").stdout.split() == ["False", "Noise", "True"]
