"""Print the manifest of a workflow, ready to be sent to `POST /api/v1/runs`: `manifest.py FILE [TITLE]`.

What `fabro manifest` does, in a program of one's own. A manifest holds the workflow and every file that it refers to,
so the server never reads files of the client.
"""

import sys

from fabro_core.client import RunOptions, build_manifest, encode_manifest

path, *title = sys.argv[1:]
options = RunOptions(title=title[0] if title else None)
print(encode_manifest(build_manifest(path, options=options), indent=2))
