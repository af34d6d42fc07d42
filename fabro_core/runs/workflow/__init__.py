"""Workflow graphs: from DOT text to a compiled graph and its diagnostics (runs.md R8.4, R8.5). Pure functions."""
