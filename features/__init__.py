"""Customer features and insight, and their consent-gated retrieval. No orchestration.

`definition` derives the catalog of features from the contracts; everything else here starts from it. What serves
requests imports neither Spark nor Feast.
"""
