"""Several writers at once, many followers, and the end of a process at any moment: on real server processes."""
