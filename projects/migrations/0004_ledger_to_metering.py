from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0003_project_inference_logging"),
        ("metering", "0001_initial"),
        ("inference", "0002_ledger_in_metering"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.DeleteModel(name="UsageRecord")],
        ),
    ]
