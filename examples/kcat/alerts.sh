#!/bin/sh
# Prints alerts from the beginning and as they come. Needs kcat and jq. With --open: the episodes that are open by now.
set -eu
servers=${QUOTASTREAM_BOOTSTRAP_SERVERS:-localhost:9092}
topic=${QUOTASTREAM_PREFIX:-}quota-alerts
# librdkafka reads committed messages only, unless told otherwise; said here so that it stays so.
read_alerts() { kcat -C -q -u -b "$servers" -t "$topic" -o beginning -X isolation.level=read_committed "$@"; }

if [ "${1:-}" = --open ]; then
    # The newest message of each episode is its whole state.
    read_alerts -e | jq -sc 'reduce .[] as $a ({}; .[$a.episode_id] = $a) | .[]
        | select(.transition | IN("resolved", "lapsed", "retracted") | not) | [.alert_id, .group_id, .kind, .severity]'
else
    read_alerts | jq -r --unbuffered '"\(.alert_id) \(.summary)"'
fi
