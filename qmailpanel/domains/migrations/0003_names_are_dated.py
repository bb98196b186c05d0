import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Apart from 0002: PostgreSQL alters no table whose rows it has just changed."""

    dependencies = [("domains", "0002_alias_domains")]

    operations = [
        migrations.AlterField(
            "domainname",
            "change",
            models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="ledger.change"
            ),
        ),
    ]
