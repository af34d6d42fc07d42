"""The files around a workflow, under the names that they have in a manifest (runs.md R8.1)."""

from __future__ import annotations

import os
from pathlib import Path

from fabro_core.client.faults import ClientFailed


class ProjectFiles:
    """Files of this machine as seen from one directory, read once and never written. They are sent as they are: whoever
    looks into one passes over what editors put in front of the text."""

    def __init__(self, directory: Path) -> None:
        """`directory` is what the manifest calls `cwd`; it is made absolute."""
        self.directory = Path(os.path.abspath(directory))  # noqa: PTH100  (resolve() would leave it through links)
        self._texts: dict[str, str | None] = {}

    def name_of(self, path: Path) -> str:
        """The name of a file: its path from the directory, with slashes; it may begin with `..`."""
        return Path(os.path.relpath(self.directory / path, self.directory)).as_posix()

    def path_of(self, name: str) -> Path:
        """Where the file of a name is."""
        return self.directory / name

    def read(self, name: str) -> str | None:
        """The text of a file; None when there is none. Raises `ClientFailed` for one that cannot be read as text."""
        if name not in self._texts:
            self._texts[name] = self._read(self.path_of(name))
        return self._texts[name]

    def require(self, path: Path) -> str:
        """The text of a file that has to be there. Raises `ClientFailed`."""
        text = self.read(self.name_of(path))
        if text is None:
            raise ClientFailed(f"{self.directory / path}: there is no such file")
        return text

    def _read(self, path: Path) -> str | None:
        try:
            return path.read_bytes().decode()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise ClientFailed(f"{path}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ClientFailed(f"{path}: not a text in UTF-8") from None
