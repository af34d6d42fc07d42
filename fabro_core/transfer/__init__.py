"""Copies of everything that a store holds, into another store."""
