"""Draws small charts for the metadata of assets: rows of a table, released statistics, matching of customers.

The figures in a chart are computed here too. Tables are read elsewhere.
"""
