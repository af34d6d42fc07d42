"""Tests for environments other than that of development; see the targets `test-…` of `make`."""
