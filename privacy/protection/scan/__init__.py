"""Looks for values in every file of a folder, decoded: proof that what should not lie in the clear does not.

`needle` says in which forms a value may lie, `matcher` finds them all in one pass, `content` takes apart what holds
content (compressed, archived, tables, databases), `folder` goes through files. What could not be decoded is reported
and counts as not clean. Knows nothing of which files there should be.
"""
