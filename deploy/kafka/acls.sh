#!/bin/sh
# What collectors, workers and judges have to be allowed in Kafka, and no more. Run it with the command that keeps the lists:
#   sh acls.sh kafka-acls.sh --bootstrap-server HOST:PORT --command-config admin.properties
# Create lets whoever comes first make the topics. Leave it out where an administrator makes them.
set -e

"$@" --add --allow-principal User:leaverwatch-collector --operation Write --operation Create \
  --topic leaverwatch.events --topic leaverwatch.quarantine

"$@" --add --allow-principal User:leaverwatch-worker --operation Read --operation Create \
  --topic leaverwatch.events --topic leaverwatch.quarantine
"$@" --add --allow-principal User:leaverwatch-worker --operation Read --group leaverwatch-workers

"$@" --add --allow-principal User:leaverwatch-judge --operation Write --operation Create \
  --topic leaverwatch.alerts
