"""Delivery: slots that can be kept, routes, pick-up points, and a checker that names why a stop is infeasible.

Belongs here: rules over travel times that others measure. Does not belong here: live traffic, drones, sensors; a source
of travel times can bring the first through the matrix.
"""
