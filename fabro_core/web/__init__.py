"""Server-rendered pages for people with a browser."""
