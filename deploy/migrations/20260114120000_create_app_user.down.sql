-- Takes back 20260114120000_create_app_user.sql: the role dragonfly_app, what it
-- owns and what it was granted. Once or ten times, the result is the same.
--
-- First point DATABASE_URL of every service to another role. A service that goes
-- on logging in as a role that is gone locks everybody else out of the pooler.
--
-- Run it as the role that ran the other file.

BEGIN;

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'dragonfly_app') THEN
    RAISE NOTICE 'dragonfly_app does not exist: nothing to do';
    RETURN;
  END IF;
  IF EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'dragonfly_app') THEN
    RAISE EXCEPTION 'dragonfly_app is still logged in'
      USING HINT = 'Point DATABASE_URL of every service to another role, and wait until the pooler has let go of the last session.';
  END IF;

  -- Who is no superuser may dispose only of what belongs to a role of which he is
  -- a member. The membership ends with the role.
  GRANT dragonfly_app TO CURRENT_USER;

  REASSIGN OWNED BY dragonfly_app TO CURRENT_USER; -- nothing of value is dropped below
  DROP OWNED BY dragonfly_app; -- its privileges in this database, the default ones too
  DROP ROLE dragonfly_app;     -- fails, and undoes all, if another database still knows it
END
$$;

COMMIT;
