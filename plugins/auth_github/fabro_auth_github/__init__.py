"""Sign-in with GitHub. The distribution reserves its name; no entry point is registered in this release."""
