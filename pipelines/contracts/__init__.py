"""The contracts (one YAML a table) and the code that reads, checks and drafts them."""
