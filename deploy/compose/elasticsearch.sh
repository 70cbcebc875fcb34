#!/bin/bash
# Puts the roles and their users; doing it again sets the passwords to what .env says now.
set -euo pipefail

# put PATH METHOD: the document comes on standard input. The password never stands in a command line.
put() {
    curl --silent --show-error --fail-with-body --cacert /authority/ca.crt --config <(echo "user = \"elastic:$ELASTIC_PASSWORD\"") \
        --header "Content-Type: application/json" --request "$2" --data-binary @- "https://elasticsearch:9200/_security/$1"
    echo
}

for role in worker judge api; do
    put "role/leaverwatch_$role" PUT < "/roles/leaverwatch_$role.json"
    password="ELASTICSEARCH_${role^^}_PASSWORD"
    printf '{"password": "%s", "roles": ["leaverwatch_%s"]}' "${!password}" "$role" | put "user/leaverwatch_$role" PUT
done
printf '{"password": "%s"}' "$KIBANA_PASSWORD" | put user/kibana_system/_password POST
