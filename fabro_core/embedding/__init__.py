"""Serving inside of another application."""
