"""Reads what a data contract declares, as plain data: the one reading that every layer derives from.

Knows the Open Data Contract Standard and Bojagi's vocabulary. Knows neither Spark nor Arrow (those types are
built in `pipelines/contracts`), nor where a lakehouse lies.
"""
