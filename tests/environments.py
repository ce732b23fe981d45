"""Fresh virtual environments with what is installed here, for tests that install plugins."""

from __future__ import annotations

import os
import subprocess
import sysconfig
import venv
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

SCRIPT = "#!{python}\nfrom zoo.cli import console_main\n\nconsole_main()\n"


@dataclass(frozen=True)
class Environment:
    """A virtual environment; its commands are those of ``folder / "bin"``."""

    folder: Path

    def run(
        self, *command: str | Path, cwd: Path, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command that is found in this environment first; pip reaches no index."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ZOO_")}
        kept.pop("PYTHONPATH", None)
        own = {
            "PATH": os.pathsep.join([str(self.folder / "bin"), os.environ["PATH"]]),
            "COLUMNS": "80",
            "OMP_NUM_THREADS": "1",
            "CUDA_VISIBLE_DEVICES": "",
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # which is how pip is told: yes, without isolation
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        return subprocess.run(
            list(map(str, command)),
            cwd=cwd,
            env=kept | own | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )


def make_environment(folder: Path) -> Environment:
    """A new environment that has all distributions of this one but the plugins.

    They are linked, so that nothing is downloaded or copied.
    """
    venv.create(folder, symlinks=True, with_pip=False)
    (site,) = folder.glob("lib/python*/site-packages")
    plugins = {
        item.dist.metadata["Name"].replace("-", "_")
        for item in entry_points(group="zoo")
        if item.dist
    }
    for child in Path(sysconfig.get_path("purelib")).iterdir():
        if child.name != "__pycache__" and not any(name in child.name for name in plugins):
            (site / child.name).symlink_to(child)
    script = folder / "bin" / "zoo"
    script.write_text(SCRIPT.format(python=folder / "bin" / "python"))
    script.chmod(0o755)
    return Environment(folder)
