"""Plugins by third parties: writing, checking, listing and running them."""
