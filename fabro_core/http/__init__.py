"""The kit of HTTP: how a request is judged, read and answered in general. No resource of the API is known here."""
