"""A run store on Redis. The distribution reserves its name; no entry point is registered in this release."""
