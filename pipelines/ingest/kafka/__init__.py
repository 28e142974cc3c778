"""Reads sources that are topics of Kafka, each message exactly once.

Here: the consumer, messages as batches of text, offsets, and Avro. Not here: how a value is read from text and where a
row goes, which are the same as for files.
"""
