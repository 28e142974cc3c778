"""Guardrails: what must not come in, go out or be stored, whatever a model, a tool result or a customer says.

Belongs here: finding and masking personal data in free text, and finding injected instructions, unsafe and off-topic
requests. Does not belong here: which results an answer may state (`grounding`) and who may call a tool (`tool`).
"""
