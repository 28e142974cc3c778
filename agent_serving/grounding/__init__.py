"""Grounding: an answer states only what the results of its turn say, and only cited items become cards.

Belongs here: the marker at the end of an answer, and the check of names, prices, floors, hours and phone numbers
against the items. Does not belong here: how answers are written (`reply`, `conversation`) and what tools find (`tool`).
"""
