#!/bin/sh
# Brings Temporal's two databases to the schema of this server version; what is there already stays.
set -eu

for database in temporal temporal_visibility; do
    schema=${database#temporal_}
    tool="temporal-sql-tool --plugin $DB --ep $POSTGRES_SEEDS -p $DB_PORT -u $POSTGRES_USER --db $database"
    $tool setup-schema -v 0.0
    $tool update-schema -d "/etc/temporal/schema/postgresql/v12/$schema/versioned"
done
