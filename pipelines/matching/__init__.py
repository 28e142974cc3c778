"""From matching tokens to customers with stable identifiers. Reads no files.

`record` says what matching sees of a source's records, `link` decides which belong together (exact keys here; another
`Linker` may score), `assign` gives each cluster a lasting identifier, `assignment` runs the three.
"""
