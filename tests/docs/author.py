"""The environment of somebody who writes a plugin: what is installed here, and whatever they install besides."""

from __future__ import annotations

import os
import subprocess
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

COMMAND = """\
#!{python}
from fabro_core.cli import main
main()
"""


@dataclass(frozen=True, slots=True)
class Author:
    """An author at work in a directory."""

    environment: Path

    def run(self, directory: Path, *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command with the programs of the environment first."""
        path = os.pathsep.join([str(self.environment / "bin"), sysconfig.get_path("scripts"), os.environ["PATH"]])
        own = {"PATH": path, "HOME": str(directory), "PYTEST_ADDOPTS": "-p no:cacheprovider"}
        return subprocess.run(
            command,
            cwd=directory,
            env={**os.environ, **own, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **environ},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def check(self, directory: Path, settings: str) -> subprocess.CompletedProcess[str]:
        """`fabro check` with the settings and what is installed."""
        (directory / "settings.toml").write_text(settings)
        return self.run(
            directory,
            "fabro",
            "check",
            FABRO_HOME=str(directory),
            SESSION_SECRET="s" * 32,
            FABRO_DEV_TOKEN="fabro_dev_" + "0" * 64,
            ACME_SIGNING_KEY="key",
        )


def new_author(directory: Path) -> Author:
    """An author with an environment of their own in `directory`, on top of this one."""
    venv.create(directory, with_pip=True)
    (site,) = directory.glob("lib/python*/site-packages")
    (site / "beneath.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    command = directory / "bin" / "fabro"
    command.write_text(COMMAND.format(python=directory / "bin" / "python"))
    command.chmod(0o755)
    return Author(directory)
