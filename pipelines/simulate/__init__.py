"""The seeded market simulator: people, devices and touchpoints tied to real baskets.

Its truth (who is behind which record) is for evaluation only; nothing in the pipelines reads it.
"""
