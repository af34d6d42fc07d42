"""Logging in to servers on the command line, and talking to them afterwards."""
