"""Looks up everything that `uv.lock` holds among the known vulnerabilities, and fails when one is there.

The list is the package index's. Where the index is a mirror that does not have it, nothing can be said, and this says
so and passes: what the code needs would not be any different.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
PIP_AUDIT: Final = Path(sys.prefix) / "audit" / "bin" / "pip-audit"


def locked(path: Path) -> None:
    """Write what is locked, with all extras and groups, as requirements."""
    uv = Path(sys.executable).with_name("uv")
    chosen = ("--frozen", "--all-packages", "--all-extras", "--all-groups", "--no-emit-workspace", "--no-hashes")
    subprocess.run([uv, "--quiet", "export", *chosen, "--output-file", path], cwd=ROOT, check=True)


def asked(path: Path) -> list[dict[str, Any]]:
    """What the index says of each; raises `RuntimeError` when there is no report at all."""
    command = [str(PIP_AUDIT), "--requirement", str(path), "--no-deps", "--disable-pip", "--format", "json"]
    told = subprocess.run(command, capture_output=True, text=True)
    if not told.stdout.strip():
        raise RuntimeError(told.stderr)
    dependencies: list[dict[str, Any]] = json.loads(told.stdout)["dependencies"]
    return dependencies


def main() -> int:
    with tempfile.TemporaryDirectory() as directory:
        requirements = Path(directory) / "requirements.txt"
        locked(requirements)
        dependencies = asked(requirements)
    unknown = [each["name"] for each in dependencies if "skip_reason" in each]
    vulnerable = [each for each in dependencies if each.get("vulns")]
    for each in vulnerable:
        for found in each["vulns"]:
            fixed = ", ".join(found["fix_versions"]) or "none"
            print(f"{each['name']} {each['version']}: {found['id']}, fixed in: {fixed}")
    if len(unknown) == len(dependencies):
        print("The list of known vulnerabilities cannot be reached from here: nothing was looked up.")
    else:
        print(f"{len(dependencies)} locked, {len(vulnerable)} vulnerable, {len(unknown)} not known to the list")
    return 1 if vulnerable else 0


if __name__ == "__main__":
    sys.exit(main())
