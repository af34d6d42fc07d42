"""Distributions for the command line: metadata and entry points in a directory, which `PYTHONPATH` then names."""

from __future__ import annotations

from pathlib import Path


def distribute(site: Path, distribution: str, group: str, name: str, module: str) -> None:
    """Let a module be a plugin of a distribution in version 2.5."""
    info = site / f"{distribution.replace('-', '_')}-2.5.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 2.5\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}\n")
