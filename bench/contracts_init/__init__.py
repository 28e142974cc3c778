"""Measures how often a drafted contract is fully right, on files of known truth, beside DuckDB's CSV sniffer."""
