"""Signing in and out, and who somebody is, over HTTP."""
