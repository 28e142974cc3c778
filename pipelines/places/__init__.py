"""Finds places near each branch: collects pages, extracts claims, checks them, and writes what passed as content.

Belongs here: the provider of pages, the extraction by a schema, the check of each claim against its page, and the
aggregation. Nothing here is about customers. The index reads the written content files like all others.
"""
