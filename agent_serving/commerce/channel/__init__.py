"""Best channel: where a basket costs least once prices, coupons, fees, minimum orders and slots are counted.

Belongs here: the exact landed cost of an order and the search over channels and stores. Prices come from ports.
"""
