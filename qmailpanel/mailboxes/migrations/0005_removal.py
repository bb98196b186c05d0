from django.db import migrations, models
from django.db.models import Q
from django.utils import timezone


def begin_retention(apps, _schema_editor):
    """Nobody was told that mail of removed mailboxes would go: its time begins today."""
    mailboxes = apps.get_model("mailboxes", "Mailbox").objects
    gone = Q(address__removed=True) | Q(address__domain__removed=True)
    removed = mailboxes.filter(gone).values("pk")
    mailboxes.filter(pk__in=removed).update(removed_at=timezone.now())


class Migration(migrations.Migration):
    dependencies = [
        ("mailboxes", "0004_open"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="mailbox",
            index=models.Index(
                condition=Q(("purged", False), ("removed_at__isnull", False)),
                fields=["removed_at"],
                name="mailbox_by_removal",
            ),
        ),
        migrations.RunPython(begin_retention, migrations.RunPython.noop),
    ]
