"""Pictures of workflow graphs: the same bytes for the same graph on every machine (events.md E10, runs.md R8.7)."""
