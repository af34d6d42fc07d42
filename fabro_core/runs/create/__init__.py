"""Creating runs: the manifest, the settings and the plan that come before the first event (runs.md R8)."""
