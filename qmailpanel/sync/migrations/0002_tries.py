from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sync", "0001_initial")]

    operations = [
        migrations.AddField("syncrun", "tries", models.PositiveIntegerField(default=1)),
    ]
