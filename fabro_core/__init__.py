"""Fabro Server: a plugin-based ASGI server for the Fabro API."""

__version__ = "1.0.0"
