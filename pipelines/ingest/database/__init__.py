"""Reads sources that are tables of a database.

Here: connections, queries, the cursor of an increment, rows as batches of text, and rows that were changed or deleted
at the source. Not here: how a value is read from text and where a row goes, which are the same as for files.
"""
