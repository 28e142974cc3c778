"""What is known about the quality of the data, read without an engine."""
