"""Bundles: the products that are worth most together within a budget, limits by category, allergies and diets.

Belongs here: what a bundle must respect, the named reason why there is none, the exact search and its fallback.
"""
