"""Sentences of the rule-written answers, one file a language. No code belongs here."""
