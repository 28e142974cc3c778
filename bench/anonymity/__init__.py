"""Anonymity side by side: Adult against the published bars and ANJANA, pycanon as a second verifier, and scale."""
