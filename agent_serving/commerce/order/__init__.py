"""Orders: from a placed order to a paid, cancelled or refunded one.

Belongs here: the states of an order, its store with stock, coupons and outbox, and the saga that talks to the payment
provider. Does not belong here: how a provider is called (`agent_serving.commerce.payment`).
"""
