"""Whether anybody was told of an alert, and an index by which each page finds what runs now."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("metering", "0003_settle")]

    operations = [
        *(
            migrations.AddField(
                model_name="budgetalert", name=name, field=models.DateTimeField(null=True)
            )
            for name in ("claimed_at", "told_at")
        ),
        migrations.AddIndex(
            model_name="budgetalert",
            index=models.Index(
                condition=models.Q(("told_at__isnull", True)),
                fields=["id"],
                name="budget_alert_untold",
            ),
        ),
        migrations.AddIndex(
            model_name="budgetperiod",
            index=models.Index(fields=["ends_at"], name="budget_period_ends"),
        ),
    ]
