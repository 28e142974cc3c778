"""Language models behind OpenAI-compatible servers: the client, tiers by task, and the model of this machine.

Nothing here knows what a conversation is about.
"""
