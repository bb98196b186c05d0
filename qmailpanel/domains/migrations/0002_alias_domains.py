import django.db.models.deletion
from django.db import migrations, models
from django.db.models import OuterRef, Subquery


def date_names(apps, _schema_editor):
    """A domain's own name is as old as its newest change."""
    domains = apps.get_model("domains", "Domain").objects.filter(pk=OuterRef("domain"))
    names = apps.get_model("domains", "DomainName").objects.all()
    names.update(change=Subquery(domains.values("change")))


class Migration(migrations.Migration):
    dependencies = [("domains", "0001_initial"), ("ledger", "0001_initial")]

    operations = [
        migrations.AddField("domain", "subdomains", models.BooleanField(default=False)),
        migrations.AddField("domainname", "removed", models.BooleanField(default=False)),
        migrations.AddField(
            "domainname",
            "change",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="ledger.change",
            ),
        ),
        migrations.RunPython(date_names, migrations.RunPython.noop),
    ]
