"""Secure aggregation, noise in shares and private set intersection: what protects the numbers that sites send.

Pure state machines and functions on bytes and arrays: no network, no files, no Flower. The caller carries the messages.

- `round_terms`, `identity`: what all sites agree on before a round, and the long-term keys that identify sites.
- `site`, `server`: the two parties of one secure sum. `key_agreement`, `masks`, `shamir`: their parts. `exchange`: runs
  one sum over any carrier of messages.
- `noise`, `accounting`: differential privacy per customer.
- `intersection`: which customers two parties share, and nothing else.
"""
