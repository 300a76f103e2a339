"""Marks of days whose calls have changed after they were summed up.

Calls that are written now mark nothing: the roll-up counts them anyway. Deleting marks nothing
either, see `metering.rolling_up.ledger_begins`.
"""

from django.db import migrations

CREATE = """
CREATE FUNCTION metering_mark_stale() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO metering_staleday (starts_at) VALUES (date_trunc('day', NEW.created_at, 'UTC'));
    IF TG_OP = 'UPDATE' AND OLD.created_at <> NEW.created_at THEN
        INSERT INTO metering_staleday (starts_at)
        VALUES (date_trunc('day', OLD.created_at, 'UTC'));
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER metering_mark_stale_changed AFTER UPDATE ON metering_usagerecord
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION metering_mark_stale();

CREATE TRIGGER metering_mark_stale_late AFTER INSERT ON metering_usagerecord
    FOR EACH ROW WHEN (NEW.created_at < clock_timestamp() - interval '1 hour')
    EXECUTE FUNCTION metering_mark_stale();
"""
DROP = """
DROP TRIGGER metering_mark_stale_late ON metering_usagerecord;
DROP TRIGGER metering_mark_stale_changed ON metering_usagerecord;
DROP FUNCTION metering_mark_stale();
"""


class Migration(migrations.Migration):
    dependencies = [("metering", "0005_rollups")]

    operations = [migrations.RunSQL(CREATE, DROP)]
