"""The seeded market simulator: people, devices and touchpoints tied to the baskets of the Complete Journey.

Here belong the drawing of people and their records, the faults planted in them, and the writers of the files.
No reading of contracts and no pipeline code: what is landed is input like any other. Its truth is for
evaluation only.
"""
