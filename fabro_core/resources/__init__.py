"""The rules of everything that is kept as documents and that clients change: one module a resource."""
