"""Runs the Flower app over a network: certificates and keys, mutual TLS, and the processes of server and sites.

What belongs here: what starts and connects processes. What they compute lives in `federated` itself.

- `certificates`: the authority of a federation, the keys of a site, and the card by which a site is admitted.
- `relay`: mutual TLS in front of Flower's server, which checks no client certificates and has one port for all of its
  interfaces.
- `approved_app`: which code of the server a site runs.
- `processes`: starts, watches and ends the processes. `server`, `node`: which ones each end consists of.
"""
