"""Opens the Spark session that the jobs run on: Sail in this process, Apache Spark in a JVM, or an endpoint."""
