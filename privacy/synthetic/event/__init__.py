"""Models of people with their events: how often they come, when, and what they choose, from private histograms."""
