"""From landed files to bronze tables, by contract and exactly once. No business rules."""
