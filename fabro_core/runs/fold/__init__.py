"""The fold: what the events of a run add up to. Pure functions over events; nothing here reads or writes."""
