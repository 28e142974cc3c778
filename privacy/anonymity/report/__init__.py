"""The report of a release: a plain record of the measurements, and its rendering as HTML and JSON."""
