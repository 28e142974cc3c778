"""Reads a shopper's message: language, intent, entities, missing slot.

Belongs here: rules and lexicons that need no model and no tool results. Does not belong here: what to do about a
message (`reply.planner`) and what to answer (`reply`).
"""
