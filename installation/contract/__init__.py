"""The built-in contracts (`source/`, `table/`) and their reading with Arrow types.

`privacy.contract` defines what a contract may contain. The checks and the drafting of contracts are in
`pipelines.contracts`.
"""
