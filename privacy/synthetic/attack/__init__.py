"""Attacks on synthetic data: singling out, linking, inferring, membership and canaries. They use no formal guarantee."""
