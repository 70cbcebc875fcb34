#!/bin/bash
# Run by the image when the data directory is empty: a user that owns its database and nothing else.
set -euo pipefail
psql --set ON_ERROR_STOP=1 --username postgres --set password="$LEAVERWATCH_PASSWORD" <<'SQL'
create role leaverwatch login password :'password';
create database leaverwatch owner leaverwatch;
revoke all on database leaverwatch from public;
SQL
