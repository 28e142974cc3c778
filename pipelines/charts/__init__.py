"""Small charts for the metadata of assets: the rows of a table, released statistics, and the matching of customers.

Matplotlib draws them. Figures that a chart shows are computed here too; tables are read elsewhere.
"""
