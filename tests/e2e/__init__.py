"""The example worker at work: real servers on SQLite, real workers, curl."""
