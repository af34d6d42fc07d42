"""Documents: the typed collections that everything but runs is kept in, over the store's compare-and-set."""
