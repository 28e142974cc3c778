"""Benchmarks of anonymous releases: information loss and time beside ANJANA, and pycanon as a second verifier."""
