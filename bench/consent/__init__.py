"""What consent costs: the filter on a read, the index and its decisions."""
