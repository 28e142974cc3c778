"""The frequency table that the search sees: distinct combinations, their codes, weights and losses.

Reading files and searching do not belong here.
"""
