"""The log: entries before they are written, reading what was written, and the one place that appends to a run."""
