"""Removing old entries: by one function of the database, for seals that a cut covers."""

import django.utils.timezone
from django.db import migrations, models

# Whoever serves has no right to delete entries; this function has its owner's. It takes none that
# is younger than thirty days, whatever it is told.
FORWARD = """
CREATE OR REPLACE FUNCTION audit_entry_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('audit.removing', true) = 'yes' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit entries can be neither changed nor removed';
END
$$;
CREATE FUNCTION audit_remove_entries(seal bigint) RETURNS bigint LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    removed bigint;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM audit_cut WHERE number >= seal) THEN
        RAISE EXCEPTION 'no cut covers seal %', seal;
    END IF;
    PERFORM set_config('audit.removing', 'yes', true);
    DELETE FROM audit_entry
    WHERE id IN (SELECT unnest(entry_ids) FROM audit_seal WHERE number = seal)
      AND created_at < now() - interval '30 days';
    GET DIAGNOSTICS removed = ROW_COUNT;
    PERFORM set_config('audit.removing', '', true);
    RETURN removed;
END
$$;
CREATE TRIGGER audit_cut_append_only BEFORE UPDATE OR DELETE ON audit_cut
    FOR EACH ROW EXECUTE FUNCTION audit_entry_is_append_only();
CREATE TRIGGER audit_cut_no_truncate BEFORE TRUNCATE ON audit_cut
    FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_is_append_only();
"""
BACKWARD = """
DROP TRIGGER audit_cut_no_truncate ON audit_cut;
DROP TRIGGER audit_cut_append_only ON audit_cut;
DROP FUNCTION audit_remove_entries(bigint);
CREATE OR REPLACE FUNCTION audit_entry_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit entries can be neither changed nor removed';
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0005_reading")]

    operations = [
        migrations.CreateModel(
            name="Cut",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("hash", models.CharField(max_length=64)),
                ("entries", models.BigIntegerField()),
                ("cut_at", models.DateTimeField()),
                ("asked_by", models.CharField(max_length=254)),
                ("confirmed_by", models.CharField(max_length=254)),
                ("key_id", models.CharField(max_length=16)),
                ("signature", models.CharField(max_length=128)),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="Removal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waits to be confirmed"),
                            ("confirmed", "Being removed"),
                            ("done", "Removed"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="waiting",
                        max_length=9,
                    ),
                ),
                ("before", models.DateTimeField()),
                ("number", models.BigIntegerField()),
                ("entries", models.BigIntegerField()),
                ("asked_by_id", models.BigIntegerField(null=True)),
                ("asked_by", models.CharField(max_length=254)),
                ("asked_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("answered_by", models.CharField(blank=True, max_length=254)),
                ("answered_at", models.DateTimeField(null=True)),
                ("removed_until", models.BigIntegerField(default=0)),
                ("removed", models.BigIntegerField(default=0)),
                ("done_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ("-pk",),
                "constraints": [
                    models.UniqueConstraint(
                        models.Value(1),
                        condition=models.Q(("state__in", ["waiting", "confirmed"])),
                        name="audit_removal_one_unfinished",
                    )
                ],
            },
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
