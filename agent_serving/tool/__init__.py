"""The tools of the shopping agent: what each returns, for which intents, roles and purpose it may be called.

Belongs here: the tools, their registry with its gates, and the MCP server that offers the same tools to other agents.
Does not belong here: how a turn is planned and answered (`conversation`), and the rules of consent (`privacy.consent`).
No tool has an argument that names a customer: the customer comes from the context, which the caller's door makes.
"""
