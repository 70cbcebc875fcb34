#!/bin/bash
# Formats the disk once, with the one user that may sign in, and runs the broker.
set -euo pipefail
kafka=/opt/kafka/bin
"$kafka/kafka-storage.sh" format --ignore-formatted --cluster-id "$CLUSTER_ID" --config /compose/kafka.properties \
    --add-scram "SCRAM-SHA-512=[name=leaverwatch,password=$KAFKA_PASSWORD]"
unset KAFKA_PASSWORD
export KAFKA_HEAP_OPTS="-Xms1g -Xmx1g"
exec "$kafka/kafka-server-start.sh" /compose/kafka.properties
