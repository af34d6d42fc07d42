"""Runs over HTTP: parse, call the domain, answer."""
