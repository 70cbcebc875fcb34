-- A user for worker, judge and api who may read and write rows, and nothing else. Run it as the owner of the tables; then
-- give the user a password. With a new version, start one process as the owner first: it brings the tables to its shape.
create role leaverwatch_rows login;
grant usage on schema public to leaverwatch_rows;
grant select, insert, update, delete on all tables in schema public to leaverwatch_rows;
alter default privileges in schema public grant select, insert, update, delete on tables to leaverwatch_rows;
