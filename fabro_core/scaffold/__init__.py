"""New plugin packages: what `fabro plugin new` writes. The templates are complete, working plugins."""
