#!/bin/sh
# Sends messages to quotastream: JSON lines on stdin, each to its topic. Needs kcat and jq.
set -eu
servers=${QUOTASTREAM_BOOTSTRAP_SERVERS:-localhost:9092}
prefix=${QUOTASTREAM_PREFIX:-}
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
cat >"$lines"

send() { # a topic, the field that is its key, and which types go there
    jq -rc "select(.type $3) | \"\\(.$2)\\t\\(tojson)\"" "$lines" |
        kcat -P -b "$servers" -t "$prefix$1" -K '\t' -X acks=all -X enable.idempotence=true -z lz4
}
send policy-changes policy_id '| IN("remittance", "reversal") | not'
send remittances group_id '| IN("remittance", "reversal")'
echo "$(wc -l <"$lines") sent"
