"""The decisions: what may happen to a run now, and the events that say that it did."""
