"""Recommendation of items: candidates, a re-ranker, objectives, reasons and the evaluation on later purchases.

It knows purchases as arrays. Tables, consent and files are the matter of `service`.
"""
