"""Measures the search of the shopping agent: engines side by side, the index of 100,000 documents, and its upkeep."""
