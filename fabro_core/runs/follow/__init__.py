"""Following runs live: hints, frames, and the one reader that many clients share (events.md E6)."""
