"""Measures life events, best contacts and the effect of promotions against known truths."""
