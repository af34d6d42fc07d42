"""Resources beside runs, over HTTP: one module each."""
