"""From matching tokens to customers with stable identifiers. Reads no files."""
