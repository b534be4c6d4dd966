"""Sends messages to quotastream: JSON lines on stdin, each to its topic. Needs kafka-python.

python produce.py < events.jsonl
"""

import json
import os
import sys

from kafka import KafkaProducer

PREFIX = os.environ.get("QUOTASTREAM_PREFIX", "")
MONEY = {"remittance", "reversal"}

producer = KafkaProducer(
    bootstrap_servers=os.environ.get("QUOTASTREAM_BOOTSTRAP_SERVERS", "localhost:9092"),
    acks="all",
    enable_idempotence=True,
    compression_type="lz4",
)
sent = []
for line in sys.stdin:
    message = json.loads(line)
    is_money = message["type"] in MONEY
    topic = PREFIX + ("remittances" if is_money else "policy-changes")
    key = message["group_id"] if is_money else message["policy_id"]
    sent.append(producer.send(topic, key=key.encode(), value=line.strip().encode()))
for future in sent:
    future.get(60)  # nothing is sent for certain before Kafka has said so; sending it again counts once
producer.close()
print(f"{len(sent)} sent")
