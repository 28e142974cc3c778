"""Brings collected events on: into bronze in micro-batches, and into the online features when they arrive.

Belongs here: the loop over the segments of the append log. Loading a file is `pipelines.ingest`, writing the log is
`installation.collector`.
"""
