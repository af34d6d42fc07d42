"""Running the server as a process: its listener, its lock and record, its log, its signals."""
