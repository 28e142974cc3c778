"""Models of what a customer does next: additive, calibrated, evaluated out of time, and explained exactly.

`score_input` (Spark) makes the measures and labels, `fitting` makes a `FittedModel` with its model card, and `scoring`
scores and explains. Rows travel as Arrow tables. Does not belong here: consent and the tables that hold scores.
"""
