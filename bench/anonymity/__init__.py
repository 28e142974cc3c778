"""Benchmarks of anonymous releases: Adult against the wanted losses and ANJANA, pycanon as a second verifier, scale."""
