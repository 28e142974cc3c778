"""The release gate: decides whether synthetic rows may be published.

Two kinds of faults need two kinds of checks. A generator that copies rows, or that learned an identifier, is found by
attacks on its rows (`rows_check`). One that spent more budget than was debited, or whose categories came from the
data, looks the same in every statistic: its recorded noise and domain are held against the ledger and the contract
(`fit_check`). Does not belong here: the attacks themselves.
"""
