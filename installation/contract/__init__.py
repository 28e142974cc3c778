"""The built-in contracts (`source/`, `table/`) and their reading with Arrow types.

What a contract may say is defined by `privacy.contract`. The checks and the drafting of contracts are in
`pipelines.contracts`.
"""
