"""Measurements of a table and its release: re-identification risk, attacks, utility.

Rendering belongs in `report`.
"""
