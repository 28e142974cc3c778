"""The seeded market simulator: people, devices and touchpoints tied to real baskets. Its truth is for evaluation only."""
