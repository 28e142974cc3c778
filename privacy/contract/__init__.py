"""Reads data contracts (YAML, Open Data Contract Standard) into plain dataclasses that all other code uses.

It validates the standard's structure and Bojagi's vocabulary. Spark types, Arrow types and the location of the
lakehouse do not belong here.
"""
