"""The rules of buying: from a choice to a paid and delivered order.

Belongs here: rules of the domain as pure functions, their stores, and ports for what lies outside, one folder a part.
Does not belong here: the fitting of models (`features`, `pipelines`), HTTP routes (`agent_serving.router`).
"""
