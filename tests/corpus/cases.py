"""The cases of the corpus that the environment variable FABRO_CORPUS names: reading them, and comparing with answers.

What the files of a case mean, and what "part of" means, is said in the README beside them.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

VARIABLE = "FABRO_CORPUS"

WORKFLOW = "flows/case/workflow.fabro"
CONFIG = "flows/case/workflow.toml"
PROJECT = ".fabro/project.toml"
USER = "settings.toml"
SMALLEST = "digraph Base { start [shape=Mdiamond] done [shape=Msquare] start -> done }"
BOM = "\ufeff"

Json = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One case: what is sent, and what is to come back."""

    name: str
    folder: Path
    expected: Json

    @property
    def source(self) -> str:
        """The text of the target workflow, as it is sent."""
        source = self._text(f"{self.name}.fabro")
        return self._transformed(SMALLEST if source is None else source, bom="bom", crlf="crlf")

    def manifest(self) -> Json:
        """The body of `POST /runs`."""
        laid_over = dict(self.expected.get("manifest", {}))
        path = laid_over.pop("path", WORKFLOW)
        workflow: Json = {"source": self.source}
        if (config := self._settings(f"{self.name}.toml")) is not None:
            workflow["config"] = {"path": laid_over.pop("config_path", CONFIG), "source": config}
        ref_types = laid_over.pop("ref_types", {})
        if files := dict(self._files("files")):
            workflow["files"] = {
                key: {"content": text, "ref": {"type": ref_types.get(key, "file_inline"), "original": key}}
                for key, text in files.items()
            }
        configs = [
            {"type": kind, "path": where, "source": text}
            for kind, where in (("user", USER), ("project", laid_over.pop("project_path", PROJECT)))
            if (text := self._settings(f"{self.name}.d/{kind}.toml")) is not None
        ]
        configs += laid_over.pop("configs", [])
        return {
            "version": 1,
            "cwd": "/projects/case",
            "target": {"path": path},
            "workflows": {path: workflow, **{key: {"source": text} for key, text in self._files("workflows")}},
            "configs": configs,
            **{key: value for key, value in laid_over.items() if key != "config_path"},
        }

    def _files(self, below: str) -> Iterator[tuple[str, str]]:
        root = self.folder / f"{self.name}.d" / below
        for path in sorted(root.rglob("*")):
            if path.is_file():
                yield path.relative_to(root).as_posix(), _read(path)

    def _settings(self, name: str) -> str | None:
        text = self._text(name)
        return None if text is None else self._transformed(text, bom="toml-bom", crlf="toml-crlf")

    def _transformed(self, text: str, *, bom: str, crlf: str) -> str:
        wanted = self.expected.get("transform", [])
        text = text.replace("\n", "\r\n") if crlf in wanted else text
        return BOM + text if bom in wanted else text

    def _text(self, name: str) -> str | None:
        path = self.folder / name
        return _read(path) if path.is_file() else None


def cases(folder: str) -> list[Any]:
    """The cases of a folder as parameters of a test; one that is skipped when the corpus is not there."""
    if VARIABLE not in os.environ:
        return [pytest.param(None, marks=pytest.mark.skip(f"{VARIABLE} does not name the corpus"), id="no corpus")]
    root = Path(os.environ[VARIABLE]) / folder
    found = [
        Case(path.name.removesuffix(".expected.json"), root, json.loads(_read(path)))
        for path in sorted(root.glob("*.expected.json"))
    ]
    assert found, f"{root} holds no cases"
    return [pytest.param(case, id=case.name) for case in found]


def differences(part: Any, whole: Any, at: str = "$") -> list[str]:
    """Where `whole` is not what `part` says; empty when it is."""
    match part:
        case {"$absent": True}:
            return [] if whole is None or whole in ("", [], {}) else [f"{at}: {whole!r} should be absent"]
        case {"$keys": keys}:
            same = isinstance(whole, dict) and set(whole) == set(keys)
            return [] if same else [f"{at}: {whole!r} should have the keys {keys}"]
        case {"$set": members}:
            same = isinstance(whole, list) and sorted(map(_text_of, whole)) == sorted(map(_text_of, members))
            return [] if same else [f"{at}: {whole!r} should have the members {members}"]
        case {"$words": words}:
            same = isinstance(whole, str) and shlex.split(whole) == words
            return [] if same else [f"{at}: {whole!r} should split into {words}"]
        case {"$has": texts}:
            return [f"{at}: {text!r} should be in {whole!r}" for text in texts if text not in (whole or "")]
        case dict():
            return _object_differences(part, whole, at)
        case list():
            if not isinstance(whole, list) or len(whole) != len(part):
                return [f"{at}: {whole!r} should be {part!r}"]
            pairs = enumerate(zip(part, whole, strict=True))
            return [found for index, (ours, theirs) in pairs for found in differences(ours, theirs, f"{at}[{index}]")]
        case _:
            return [] if _text_of(part) == _text_of(whole) else [f"{at}: {whole!r} should be {part!r}"]


def _object_differences(part: Json, whole: Any, at: str) -> list[str]:
    if not isinstance(whole, dict):
        return [] if all(value == {"$absent": True} for value in part.values()) else [f"{at}: {whole!r} is no object"]
    return [found for key, value in part.items() for found in differences(value, whole.get(key), f"{at}.{key}")]


def _text_of(value: Any) -> str:
    """The value as JSON, in which `true` is not 1 and 1 is not 1.0."""
    return json.dumps(value, sort_keys=True)


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8")
