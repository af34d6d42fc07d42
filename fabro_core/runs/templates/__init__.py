"""Templates in goals and prompts, and the names in scripts (language.md L10): rendered once, when a run is created."""
