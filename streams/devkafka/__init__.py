"""The embedded default broker: a real single-node Apache Kafka from Maven Central's jars on a Java from a wheel."""
