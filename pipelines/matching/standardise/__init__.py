"""Standardises raw text into comparable values: one module per kind of identifier.

Here are pure functions on single values; `None` means unknown. Code for tables, engines or matching is not here.
"""
