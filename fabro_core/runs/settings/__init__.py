"""The settings files of runs, and how they become the settings that a run keeps (run-settings.md)."""
