"""Synthetic data: rows of people who do not exist, with a stated guarantee for the people who do.

Belongs here: public domains of columns, private measurements, models, sampling, evaluation and attacks. Does not belong
here: where tables lie, and which customers permit the purpose. Callers pass rows that may be used.
"""
