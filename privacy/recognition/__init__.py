"""Recognises personal data by a column's header and by the form of its values.

Drafts of contracts and releases ask it. What follows from a finding is decided by its caller.
"""
