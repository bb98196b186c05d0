from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0014_mailboxes_that_open"),
    ]

    operations = [
        migrations.AddField(
            model_name="syncnode",
            name="answers_mail",
            field=models.BooleanField(default=False),
        ),
    ]
