"""The form that a stored table has, and how it differs from that of its contract. It reads no rows."""
