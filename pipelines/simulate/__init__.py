"""Simulates a market from a seed: people, devices and touchpoints that fit the baskets of the Complete Journey.

Belongs here: drawing people and their records at random, planting faults (dirt) in them, and writing the files.

Does not belong here: contracts and pipeline code, because the pipeline must treat the landed files like any others.
The true person behind each record is written to `truth/`, for evaluation only.
"""
