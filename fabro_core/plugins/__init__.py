"""Plugins: which are installed, which are selected, and how they are asked for their objects."""
