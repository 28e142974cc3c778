"""Releases of tables too large for one process, computed by Spark or Sail.

What works without an engine belongs in the other packages.
"""
