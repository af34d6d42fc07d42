"""The domain: what a run is, what may happen to it, and how that is decided and written."""
