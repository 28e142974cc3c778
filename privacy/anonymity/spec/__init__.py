"""The specification of a release: columns, hierarchies, privacy models, and the checks of a table against it.

No search and no measurement belong here.
"""
