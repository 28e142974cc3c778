"""Measures synthetic data of the Adult table and of customers with their events, beside other tools."""
