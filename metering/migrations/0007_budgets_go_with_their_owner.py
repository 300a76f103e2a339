"""Budgets go with whom they are for, also what calls hold of them at that moment.

Django collects what is to be deleted and then deletes it; a call that holds something in between
would be in its way, and the database is told to take that along.
"""

from django.db import migrations

CHANGE = """
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT conname, conrelid::regclass AS owner, pg_get_constraintdef(oid) AS definition
        FROM pg_constraint
        WHERE contype = 'f' AND conrelid IN (
            'metering_budget'::regclass, 'metering_budgetperiod'::regclass,
            'metering_budgetalert'::regclass, 'metering_reservationline'::regclass)
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', found.owner, found.conname);
        EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', found.owner, found.conname,
            replace(found.definition, '{before}', '{after}'));
    END LOOP;
END $$
"""
PLAIN, CASCADE = " DEFERRABLE", " ON DELETE CASCADE DEFERRABLE"


class Migration(migrations.Migration):
    dependencies = [("metering", "0006_stale_days")]

    operations = [
        migrations.RunSQL(
            CHANGE.replace("{before}", PLAIN).replace("{after}", CASCADE),
            CHANGE.replace("{before}", CASCADE).replace("{after}", PLAIN),
        )
    ]
