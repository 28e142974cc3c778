"""What stands between an order and money: the port of a payment provider, its webhooks, and step-up.

Belongs here: instructions to a provider and its receipts, signatures and replays of webhooks, and the proof that a
customer approved an amount. Does not belong here: what an order becomes by a receipt (`agent_serving.commerce.order`).
"""
