"""The Flower app: training across sites without moving data.

What belongs here: tasks (models trained by sums), the round between server and sites, secure aggregation, and the
ways to run them. It imports numpy, Flower, OpenDP, cryptography and rbcl only, so that a node needs nothing else of
ours. What reads a site's data lives outside and is named in the node's configuration.
"""
