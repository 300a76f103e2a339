"""Takes over the ledger from the app projects, under another name of its table."""

from decimal import Decimal

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

REFERENCES = (
    ("project", "projects.project"),
    ("team", "teams.team"),
    ("user", settings.AUTH_USER_MODEL),
    ("api_key", "accounts.apikey"),
)


def reference(to):
    return models.ForeignKey(
        db_constraint=False,
        null=True,
        on_delete=django.db.models.deletion.DO_NOTHING,
        related_name="usage",
        to=to,
    )


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("projects", "0003_project_inference_logging"),
        ("teams", "0002_group_mapping"),
        ("accounts", "0006_identity_provider"),
        # Its foreign key follows the table to its new name.
        ("inference", "0001_initial"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "ALTER TABLE projects_usagerecord RENAME TO metering_usagerecord",
                    "ALTER TABLE metering_usagerecord RENAME TO projects_usagerecord",
                ),
                migrations.RunSQL(
                    "ALTER SEQUENCE projects_usagerecord_id_seq RENAME TO metering_usagerecord_id_seq",
                    "ALTER SEQUENCE metering_usagerecord_id_seq RENAME TO projects_usagerecord_id_seq",
                ),
            ],
            state_operations=[
                migrations.CreateModel(
                    name="UsageRecord",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("model_name", models.CharField(max_length=100)),
                        ("kind", models.CharField(default="chat", max_length=9)),
                        ("prompt_tokens", models.PositiveIntegerField()),
                        ("completion_tokens", models.PositiveIntegerField()),
                        ("tokens_source", models.CharField(max_length=9)),
                        (
                            "cost",
                            models.DecimalField(
                                decimal_places=12, default=Decimal(0), max_digits=20
                            ),
                        ),
                        ("latency_ms", models.PositiveIntegerField()),
                        ("first_token_ms", models.PositiveIntegerField(null=True)),
                        ("outcome", models.CharField(max_length=14)),
                        ("streamed", models.BooleanField(default=False)),
                        ("request_id", models.CharField(blank=True, max_length=64)),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                        *((name, reference(to)) for name, to in REFERENCES),
                    ],
                ),
                *(
                    migrations.AddIndex(
                        model_name="usagerecord",
                        index=models.Index(
                            fields=[*first, "-created_at"], name=f"usage_{name}newest"
                        ),
                    )
                    for first, name in (
                        (["project"], "project_"),
                        (["team"], "team_"),
                        (["user"], "user_"),
                        ([], ""),
                    )
                ),
            ],
        ),
    ]
