#!/bin/sh
# PostgreSQL's image runs this once, for an empty volume: a role and databases for the project, and for Temporal.
set -eu

psql --quiet --set ON_ERROR_STOP=1 --username postgres \
    --set database_password="$DATABASE_PASSWORD" --set temporal_password="$TEMPORAL_PASSWORD" <<'SQL'
CREATE ROLE huanjian LOGIN PASSWORD :'database_password';
CREATE ROLE temporal LOGIN PASSWORD :'temporal_password';
CREATE DATABASE huanjian OWNER huanjian TEMPLATE template0 ENCODING UTF8 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8';
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
SQL
