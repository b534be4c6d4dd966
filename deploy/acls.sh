#!/bin/sh
# Gives a user in Kafka what a role needs, and nothing else. Made of streams/shell/acls.py by `make acls`.
#
#   KAFKA_ACLS="kafka-acls.sh --bootstrap-server HOST:PORT --command-config admin.properties" \
#       sh deploy/acls.sh ROLE PRINCIPAL [PREFIX]
#
# PRINCIPAL is as Kafka has it, such as User:quotastream-worker; PREFIX as in QUOTASTREAM_PREFIX. The roles:
#
#   worker      quotastream worker
#   producer    sends remittances and policies; quotastream publish
#   subscriber  reads statuses and alerts; quotastream watch, status, web
#   notifier    quotastream notify
#   analyst     a subscriber who also asks why; quotastream explain, what-if, backtest, forecast, close-year
#   operator    an analyst who also runs quotastream topics, rebuild, backup, dead-letters, and alone reads these
set -eu
KAFKA_ACLS=${KAFKA_ACLS:-kafka-acls.sh}
if [ $# -lt 2 ]; then
    sed -n 's/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
role=$1 principal=$2 P=${3-}

allow() {
    # KAFKA_ACLS is a command with options, so it is split into words.
    $KAFKA_ACLS --add --allow-principal "$principal" "$@"
}

case "$role" in
worker)
    allow --operation Read --operation DescribeConfigs --topic "${P}remittances" --topic "${P}policy-changes"
    allow --operation Read --operation Write --operation DescribeConfigs --topic "${P}quotastream-home" --topic "${P}quotastream-policies" --topic "${P}quotastream-told" --topic "${P}quota-status" --topic "${P}quota-alerts"
    allow --operation Write --operation DescribeConfigs --topic "${P}quota-dead-letters"
    allow --operation Read --group "${P}quotastream" --group "${P}quotastream-letters"
    allow --operation Write --resource-pattern-type prefixed --transactional-id "${P}quotastream-teller-" --transactional-id "${P}quotastream-letters-"
    ;;
producer)
    allow --operation Write --topic "${P}remittances" --topic "${P}policy-changes"
    ;;
subscriber)
    allow --operation Read --topic "${P}quota-status" --topic "${P}quota-alerts"
    allow --operation Read --resource-pattern-type prefixed --group "${P}subscriber-"
    ;;
notifier)
    allow --operation Read --topic "${P}quota-alerts"
    allow --operation Read --resource-pattern-type prefixed --group "${P}quotastream-notify"
    ;;
analyst)
    allow --operation Read --topic "${P}quota-status" --topic "${P}quota-alerts"
    allow --operation Read --resource-pattern-type prefixed --group "${P}subscriber-"
    allow --operation Read --topic "${P}quotastream-home" --topic "${P}quotastream-policies"
    ;;
operator)
    allow --operation Read --topic "${P}quota-status" --topic "${P}quota-alerts"
    allow --operation Read --resource-pattern-type prefixed --group "${P}subscriber-"
    allow --operation Read --topic "${P}quotastream-home" --topic "${P}quotastream-policies"
    allow --operation Read --operation Write --topic "${P}remittances" --topic "${P}policy-changes"
    allow --operation Read --topic "${P}quota-dead-letters"
    allow --operation Read --operation Alter --topic "${P}quotastream-told"
    allow --operation Create --operation AlterConfigs --topic "${P}remittances" --topic "${P}policy-changes" --topic "${P}quota-status" --topic "${P}quota-alerts" --topic "${P}quota-dead-letters" --topic "${P}quotastream-home" --topic "${P}quotastream-policies" --topic "${P}quotastream-told"
    allow --operation Delete --topic "${P}quotastream-home" --topic "${P}quotastream-policies"
    allow --operation Describe --operation Delete --group "${P}quotastream" --group "${P}quotastream-letters"
    allow --operation Describe --cluster
    ;;
*)
    echo "acls.sh: no role $role: worker, producer, subscriber, notifier, analyst, operator" >&2
    exit 2
    ;;
esac
