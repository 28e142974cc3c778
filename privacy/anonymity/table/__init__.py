"""The frequency table that the search sees: distinct combinations, their codes, weights and losses. Also the
check of the columns for direct identifiers, before the search.

Reading files and searching do not belong here.
"""
