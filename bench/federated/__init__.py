"""Measurements of federated learning."""
