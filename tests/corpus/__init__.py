"""Workflows and settings as people write them, with what the server has to say of each.

The cases are not part of this repository: the environment variable FABRO_CORPUS names their folder.
"""
