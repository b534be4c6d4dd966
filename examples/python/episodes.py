"""Keeps the open alert episodes, and acts once on whatever becomes of them. Needs kafka-python.

    python episodes.py acted.sqlite           # for ever
    python episodes.py acted.sqlite --once    # up to what is there by now

The alert topic is compacted and each message tells its episode whole, so reading it from the beginning and keeping
the newest message of each episode is all it takes to know what is open: no snapshot, no second source. What was acted
on is remembered by episode, so that a restart acts on nothing twice. Where the program dies between acting and
remembering, it acts again with the same alert_id: what you do in `act` can use that to tell.
"""

import json
import os
import sqlite3
import sys

from kafka import KafkaConsumer, TopicPartition

TOPIC = os.environ.get("QUOTASTREAM_PREFIX", "") + "quota-alerts"
CLOSED = {"resolved", "lapsed", "retracted"}


def act(alert):
    """Whatever you do: page somebody, open or close a ticket."""
    print(json.dumps({"act": alert["alert_id"], "transition": alert["transition"], "summary": alert["summary"]}))


class Acted:
    """Which message of each episode was acted on last, kept in a file."""

    def __init__(self, path):
        self._file = sqlite3.connect(path)
        self._file.execute("CREATE TABLE IF NOT EXISTS acted (episode_id TEXT PRIMARY KEY, alert_id TEXT)")

    def last(self, episode_id):
        row = self._file.execute("SELECT alert_id FROM acted WHERE episode_id = ?", (episode_id,)).fetchone()
        return row and row[0]

    def remember(self, alert):
        with self._file:
            self._file.execute("REPLACE INTO acted VALUES (?, ?)", (alert["episode_id"], alert["alert_id"]))


def react(alert, acted):
    """Act on an episode's newest message, once; one that is over and never was acted on needs nothing."""
    last = acted.last(alert["episode_id"])
    if last == alert["alert_id"] or (last is None and alert["transition"] in CLOSED):
        return
    act(alert)
    acted.remember(alert)


def main(path, once):
    consumer = KafkaConsumer(
        bootstrap_servers=os.environ.get("QUOTASTREAM_BOOTSTRAP_SERVERS", "localhost:9092"),
        isolation_level="read_committed",  # what a worker took back is never seen
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    partitions = [TopicPartition(TOPIC, partition) for partition in consumer.partitions_for_topic(TOPIC)]
    consumer.assign(partitions)
    consumer.seek_to_beginning()
    ends = consumer.end_offsets(partitions)
    newest, acted, caught_up = {}, Acted(path), False
    while True:
        for records in consumer.poll(timeout_ms=500).values():
            for record in records:
                alert = json.loads(record.value)
                newest[alert["episode_id"]] = alert
                if caught_up:
                    react(alert, acted)
        # Marks that end transactions take offsets too, so the position says where the end is, and no record does.
        if not caught_up and all(consumer.position(tp) >= end for tp, end in ends.items()):
            caught_up = True
            for alert in newest.values():
                react(alert, acted)
            opened = [a for a in newest.values() if a["transition"] not in CLOSED]
            for alert in opened:
                print(json.dumps({"open": alert["episode_id"], "kind": alert["kind"], "severity": alert["severity"]}))
            sys.stdout.flush()
            if once:
                return


if __name__ == "__main__":
    main(sys.argv[1], "--once" in sys.argv[2:])
