"""Two machines on one lakehouse and one database, whose processes are killed at random.

What they acknowledged must hold at the end.
Belongs here: the machines, what their processes do, the kills, and the check of the end.
"""
