"""The home directory of a server: what `fabro init` writes there, and rotation of its secrets."""
