"""What makes runs of automations: a source of manifests, the API, and the time (resources.md X10).

What is kept of automations is in `fabro_core.resources.automations`.
"""
