"""Wire and record Structs, nothing else: no I/O, no framework, no rule of the domain."""
