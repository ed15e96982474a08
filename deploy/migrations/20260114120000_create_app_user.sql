-- The role that the apps log in as: dragonfly_app. It reads and writes rows in
-- the schema public, and nothing else. So a leaked DATABASE_URL cannot drop a
-- table, and a new password for it locks nobody out who logs in as postgres.
--
-- Run it as the role that creates your tables: on Supabase postgres, which is
-- no superuser there. Once or ten times, the result is the same:
--
--   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -f 20260114120000_create_app_user.sql
--
-- Afterwards, in this order:
--
--  1. Give it a password. psql's \password sends it hashed, so it appears in no
--     history, no log and no query list, as ALTER ROLE ... PASSWORD '...' would:
--
--       \password dragonfly_app
--
--  2. Row security: this role does not bypass it as Supabase's postgres does. A
--     table with row security and without a policy for this role looks EMPTY to
--     the apps. Those tables are:
--
--       SELECT oid::regclass FROM pg_class WHERE relrowsecurity AND relnamespace = 'public'::regnamespace;
--
--  3. Only then change DATABASE_URL: docs/runbook.md, "A role of its own for the
--     apps". The user is dragonfly_app.REF on a shared pooler, else dragonfly_app.
--     Logins of a role that does not exist yet feed the pooler's lockouts.
--
-- 20260114120000_create_app_user.down.sql takes it all back.

BEGIN;

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'dragonfly_app') THEN
    -- Each attribute is written out, so that nobody has to know the defaults.
    CREATE ROLE dragonfly_app LOGIN NOINHERIT
      NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
  END IF;

  -- It may be there from before. Only a superuser may take these three away, and
  -- only a superuser may even name them in ALTER ROLE.
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'dragonfly_app' AND (rolsuper OR rolreplication OR rolbypassrls)) THEN
    RAISE EXCEPTION 'dragonfly_app exists already, with more rights than an app may have'
      USING HINT = 'As a superuser: ALTER ROLE dragonfly_app NOSUPERUSER NOREPLICATION NOBYPASSRLS, then run this file again.';
  END IF;
  ALTER ROLE dragonfly_app LOGIN NOINHERIT NOCREATEDB NOCREATEROLE;

  -- No CONNECTION LIMIT: the pooler's pool size is the limit. A second one would
  -- show up as "too many connections for role" on the busiest day.

  EXECUTE format('GRANT CONNECT ON DATABASE %I TO dragonfly_app', current_database());
END
$$;

-- What it had before on these goes first: it has what stands here, no more.
REVOKE ALL ON SCHEMA public FROM dragonfly_app;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM dragonfly_app;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM dragonfly_app;

-- No CREATE: tables are made by migrations, not by apps.
GRANT USAGE ON SCHEMA public TO dragonfly_app;
-- No TRUNCATE (it skips row security), no REFERENCES, no TRIGGER.
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO dragonfly_app;
-- USAGE is nextval, which an INSERT with a generated key needs; no setval.
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO dragonfly_app;

-- The same for tables and sequences that the role running this file makes later.
-- Tables made by another role need a GRANT of their own.
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM dragonfly_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON SEQUENCES FROM dragonfly_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO dragonfly_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO dragonfly_app;

-- What everybody may do, it may do too, and taking that from everybody is not
-- this file's business: temporary tables, functions, and in a database that is
-- older than PostgreSQL 15 even CREATE in the schema public.
DO $$
BEGIN
  IF has_schema_privilege('dragonfly_app', 'public', 'CREATE') THEN
    RAISE WARNING 'dragonfly_app may create tables in the schema public, as everybody may in this database'
      USING HINT = 'If no app needs that: REVOKE CREATE ON SCHEMA public FROM PUBLIC;';
  END IF;
END
$$;

COMMIT;
