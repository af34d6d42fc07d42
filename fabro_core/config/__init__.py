"""Settings: their model, how they are read from TOML and the environment, and where secrets come from."""
