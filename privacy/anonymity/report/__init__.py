"""The report of a release: a plain record of what was measured, and the renderers that turn it into HTML and JSON."""
