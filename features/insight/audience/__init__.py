"""Audiences: groups of customers that a rule describes, with sizes that reveal no single customer.

Belongs here: the language of the rules, their translation to SQL and their check for one customer, the refusal of
near-identical audiences, and the store of definitions. Does not belong here: sending anything to anybody.
"""
