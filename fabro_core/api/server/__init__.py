"""The server about itself: discovery, health, settings, information."""
