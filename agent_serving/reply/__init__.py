"""Plans a turn and writes its answer by rules, without a model.

Belongs here: the planner, questions back to the shopper, templates in four languages. Does not belong here: what a
message means (`understanding`), calls of tools (`tool`), checks of an answer (`grounding`).
"""
