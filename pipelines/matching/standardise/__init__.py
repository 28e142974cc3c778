"""Raw text to comparable values: one module a kind of identifier. Pure functions on single values; `None`
means unknown.

Nothing here knows about tables, engines or matching.
"""
