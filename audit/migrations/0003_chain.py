"""The chain: each row gets a code of its own, waits in a queue, and is sealed in a batch.

Rows that are there already get their codes here, by whoever migrates, and are sealed first.
"""

from uuid import uuid4

import django.contrib.postgres.fields
import django.utils.timezone
from django.db import migrations, models

QUEUE = """
CREATE FUNCTION audit_entry_waits() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO audit_unsealed (entry_id) VALUES (NEW.id);
    RETURN NULL;
END
$$;
CREATE TRIGGER audit_entry_waits AFTER INSERT ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION audit_entry_waits();
INSERT INTO audit_unsealed (entry_id) SELECT id FROM audit_entry;
CREATE TRIGGER audit_seal_append_only BEFORE UPDATE OR DELETE ON audit_seal
    FOR EACH ROW EXECUTE FUNCTION audit_entry_is_append_only();
CREATE TRIGGER audit_seal_no_truncate BEFORE TRUNCATE ON audit_seal
    FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_is_append_only();
"""
NO_QUEUE = """
DROP TRIGGER audit_seal_no_truncate ON audit_seal;
DROP TRIGGER audit_seal_append_only ON audit_seal;
DROP TRIGGER audit_entry_waits ON audit_entry;
DROP FUNCTION audit_entry_waits();
"""
REST = "ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_append_only"
WAKE = "ALTER TABLE audit_entry ENABLE TRIGGER audit_entry_append_only"


def give_codes(apps, schema_editor):
    from audit.chain.content import row_content, row_of
    from audit.chain.keys import newest

    model = apps.get_model("audit", "Entry")
    with schema_editor.connection.cursor() as cursor:
        for entry in model.objects.order_by("pk").iterator(2_000):
            entry.uid = uuid4()
            mac = newest().mac(row_content(row_of(entry)))
            cursor.execute(
                "UPDATE audit_entry SET uid = %s, mac = %s WHERE id = %s",
                [entry.uid, mac, entry.pk],
            )


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_append_only")]

    operations = [
        migrations.AlterField(
            "entry",
            "created_at",
            models.DateTimeField(default=django.utils.timezone.now, editable=False),
        ),
        migrations.AddField("entry", "uid", models.UUIDField(editable=False, null=True)),
        migrations.AddField(
            "entry", "mac", models.CharField(default="", editable=False, max_length=64)
        ),
        migrations.RunSQL(REST, WAKE),
        migrations.RunPython(give_codes, migrations.RunPython.noop),
        migrations.RunSQL(WAKE, REST),
        migrations.AlterField("entry", "uid", models.UUIDField(default=uuid4, editable=False)),
        migrations.AlterField("entry", "mac", models.CharField(editable=False, max_length=64)),
        migrations.CreateModel(
            name="Unsealed",
            fields=[("entry_id", models.BigIntegerField(primary_key=True, serialize=False))],
            options={"verbose_name_plural": "unsealed entries"},
        ),
        migrations.CreateModel(
            name="Seal",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("sealed_at", models.DateTimeField()),
                (
                    "entry_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), size=None
                    ),
                ),
                ("leaves", models.BinaryField()),
                ("previous", models.CharField(max_length=64)),
                ("hash", models.CharField(max_length=64)),
                ("key_id", models.CharField(max_length=16)),
                ("signature", models.CharField(max_length=128)),
            ],
        ),
        migrations.RunSQL(QUEUE, NO_QUEUE),
    ]
