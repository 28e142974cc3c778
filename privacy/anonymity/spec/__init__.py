"""The specification of a release: columns, hierarchies and privacy models.

No search and no measurement belong here.
"""
