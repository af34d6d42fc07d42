"""`python -m fabro_auth_apikeys add FILE LOGIN`: make an API key. The key goes to stdout, everything else to stderr."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fabro_auth_apikeys.keys import MalformedFile, add_key


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fabro_auth_apikeys", description="API keys for Fabro Server.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add = commands.add_parser("add", help="make a key for a user and print it, once")
    add.add_argument("file", type=Path, metavar="FILE", help="the file of keys; created when it is missing")
    add.add_argument("login", metavar="LOGIN")
    arguments = parser.parse_args()
    try:
        print(add_key(arguments.file, arguments.login))
    except (OSError, MalformedFile, ValueError) as error:
        print(f"{arguments.file}: {error}", file=sys.stderr)
        return 1
    print("Restart the server to let the key in.", file=sys.stderr)
    return 0


sys.exit(main())
