"""Searches what a branch offers: products, shops, facilities, events, promotions, coupons and answers to questions.

Belongs here: the document, the engines behind one interface, the analysis of Korean text, and the upkeep of the index
from the content files. The documents are public information of the shop. Nothing about customers is indexed.
"""
