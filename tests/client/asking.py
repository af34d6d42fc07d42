"""A command in a process of its own: says `ready`, waits for a line, asks who it is, and ends as the command line does.

Arguments: the server, the credentials file.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fabro_core.cli.failures import exit_code
from fabro_core.client.address import ServerAddress
from fabro_core.client.authenticated import AuthenticatedClient
from fabro_core.client.credentials_file import CredentialsFile
from fabro_core.errors import FabroError


def main(server: str, file: str) -> None:
    """Print the login that the server sees."""
    with AuthenticatedClient(ServerAddress.parse(server), CredentialsFile(Path(file))) as client:
        print("ready", flush=True)
        sys.stdin.readline()
        print(client.request("GET", "/api/v1/user").json()["login"])


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except FabroError as error:
        sys.exit(exit_code(error))
