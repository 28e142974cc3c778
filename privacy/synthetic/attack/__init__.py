"""Attacks on synthetic data: singling out, linking, inferring, copies, membership and canaries.

Belongs here: what an attacker finds in rows. Does not belong here: which findings close the release gate.
"""
