"""The people of the lakehouse: their register entries, links by exact keys and by score, and lasting customer ids."""
