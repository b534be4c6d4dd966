"""The shell: Faust, Kafka, the local store and metrics around the pure core."""
