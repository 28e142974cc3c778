"""The console: customers, audiences, journeys, quality, models and privacy, for the staff of the shop.

Belongs here: sign-in of staff, which role opens which page, pages, templates, charts. Does not belong here: rules about
persons, and reads around `TableReader`. The pages work without JavaScript.
"""
