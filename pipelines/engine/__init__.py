"""Opens the Spark session that the jobs run on: Sail in this process, Apache Spark in a JVM, or an endpoint.

Belongs here: starting engines (`session`, `spark_jvm`, `cluster`), a session that outlives its server
(`connect_session`), its options (`session_option`), and what a cluster needs (`worker_code`,
`shared_path`). Does not belong here: tables.
"""

import os

# gRPC restarts its threads in a forked child before the child starts its program, and may crash it (grpc issue 43055).
# A JVM started beside an open session then "exited before sending its port number". gRPC reads this variable at its
# import, so it is set before. No code here forks without starting a program.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
