"""Finds life events, the best way to contact a customer, and the effect of promotions.

`life_event`, `special_event` and `contact` are transforms on the engine, each named by the contract of its table.
`uplift` and `campaign` import no engine. Does not belong here: the truth of a simulated market, which benches read.
"""
