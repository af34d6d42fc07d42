"""Tests for environments other than that of development; see `make test-bare` and `make test-minimum`."""
