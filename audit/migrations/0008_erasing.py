"""Taking people out of entries: by one function of the database, for sealed entries alone."""

import django.utils.timezone
from django.db import migrations, models

# Whoever serves has no right to change entries; this function has its owner's. Nothing but personal
# data may differ afterwards, and what was done carries a mark whose signature verifying checks.
FORWARD = """
CREATE OR REPLACE FUNCTION audit_entry_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    personal CONSTANT text[] := ARRAY['actor_email', 'impersonator_email', 'target_name', 'ip',
                                      'user_agent', 'changes', 'erased'];
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('audit.removing', true) = 'yes' THEN
        RETURN OLD;
    END IF;
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'audit_entry'
       AND current_setting('audit.erasing', true) = 'yes' THEN
        IF to_jsonb(NEW) - personal = to_jsonb(OLD) - personal
           AND to_jsonb(NEW) ->> 'erased' IS NOT NULL THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'audit entries can be neither changed nor removed';
END
$$;
CREATE FUNCTION audit_erase_entries(said jsonb) RETURNS bigint LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    written bigint;
BEGIN
    PERFORM set_config('audit.erasing', 'yes', true);
    UPDATE audit_entry AS entry
    SET actor_email = one.actor_email, impersonator_email = one.impersonator_email,
        target_name = one.target_name, ip = one.ip, user_agent = one.user_agent,
        changes = one.changes, erased = one.erased
    FROM jsonb_to_recordset(said) AS one(
        id bigint, actor_email text, impersonator_email text, target_name text, ip inet,
        user_agent text, changes jsonb, erased jsonb
    )
    WHERE entry.id = one.id
      AND NOT EXISTS (SELECT 1 FROM audit_unsealed WHERE entry_id = entry.id);
    GET DIAGNOSTICS written = ROW_COUNT;
    PERFORM set_config('audit.erasing', '', true);
    RETURN written;
END
$$;
"""
BACKWARD = """
DROP FUNCTION audit_erase_entries(jsonb);
CREATE OR REPLACE FUNCTION audit_entry_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('audit.removing', true) = 'yes' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit entries can be neither changed nor removed';
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0007_forwarding")]

    operations = [
        migrations.AddField(
            model_name="entry",
            name="erased",
            field=models.JSONField(editable=False, null=True),
        ),
        migrations.CreateModel(
            name="Erasure",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("subject_type", models.CharField(max_length=64)),
                ("subject_id", models.BigIntegerField()),
                ("pseudonym", models.CharField(max_length=64)),
                ("sought", models.TextField(blank=True)),
                ("key_id", models.CharField(max_length=16)),
                ("asked_by", models.CharField(max_length=254)),
                ("asked_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("reached", models.BigIntegerField(default=0)),
                ("last", models.BigIntegerField(default=0)),
                ("entries", models.BigIntegerField(default=0)),
                ("finished_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ("-pk",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("subject_type", "subject_id"), name="audit_erasure_once_each"
                    )
                ],
            },
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
