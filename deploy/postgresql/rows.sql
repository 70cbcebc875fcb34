-- A user who may read and write rows, and nothing else. Run it as the owner of the database's tables, who brings them to
-- a new version's shape (`leaverwatch doctor` with the owner's address, or any process):
--   psql "$OWNERS_ADDRESS" -v password="'...'" -f rows.sql
create role leaverwatch_rows login password :password;
grant usage on schema public to leaverwatch_rows;
grant select, insert, update, delete on all tables in schema public to leaverwatch_rows;
alter default privileges in schema public grant select, insert, update, delete on tables to leaverwatch_rows;
