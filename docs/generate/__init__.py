"""The generated pages of the documentation: each module writes one page from the code that it tells about.

`python -m docs.generate` (`make reference`) rewrites `docs/reference`; a test compares the pages with the code.
"""
