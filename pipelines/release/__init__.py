"""Makes and verifies the published tables. Each is declared by one YAML file in `declared/`.

A release is of the kind `anonymous` (rows, made by `privacy.anonymity`), `statistics` (made by `privacy.dp`) or
`synthetic` (rows of people who do not exist, made by `privacy.synthetic`). The search for anonymous rows, the noise
mechanisms and Dagster do not belong here.
"""

LAYER = "release"
"""Layer and asset group of all published tables. A separate job makes them, not the refresh."""
