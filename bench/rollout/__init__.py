"""Measures rollouts: how soon a worse version is rolled back, and how often one that is not worse."""
