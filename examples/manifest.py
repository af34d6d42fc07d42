"""Print the manifest of a workflow file, ready to be sent to `POST /api/v1/runs`: `manifest.py FILE [TITLE]`.

Needs nothing but Python. A manifest holds the workflow's text, so the server never reads files of the client.
"""

import json
import sys
from pathlib import Path

path, *title = sys.argv[1:]
manifest = {
    "version": 1,
    "cwd": str(Path.cwd()),
    "target": {"path": path},
    "workflows": {path: {"source": Path(path).read_text(encoding="utf-8")}},
    **({"title": title[0]} if title else {}),
}
print(json.dumps(manifest, indent=2))
