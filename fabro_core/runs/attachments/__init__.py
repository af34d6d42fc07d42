"""Bytes that belong to a run: blobs, and the artifacts of its stages."""
