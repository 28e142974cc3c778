"""What the console and `bojagi customer` show of one customer. All rows come through the reader; nothing knows HTTP.

`CustomerReading` reads for a role and a purpose. Each section is a function that returns `Part`s: facts, tables, charts
and notes in two languages, which the page and the terminal print alike.
"""
