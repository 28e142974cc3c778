"""Measures experiments: alarms without a difference, power, the adjustment by the time before, lost customers."""
