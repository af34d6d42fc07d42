"""The API over HTTP: thin controllers, one module a resource."""
