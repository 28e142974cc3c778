"""Customer features and insight, and their consent-gated retrieval. No orchestration."""
