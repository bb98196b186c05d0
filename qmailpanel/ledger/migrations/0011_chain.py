from django.db import migrations

from qmailpanel.ledger.chain import chain
from qmailpanel.paging import pieces

FIELDS = (
    *("id", "at", "actor_id", "actor_name", "ip", "verb", "noun", "target"),
    *("domain", "address", "before", "after"),
)


def fill(apps, _editor):
    """Chain what was recorded before there was a chain."""
    changes = apps.get_model("ledger", "Change").objects
    digest = ""
    for rows in pieces(changes.all(), key=["id"]):
        for row in rows:
            digest = row.digest = chain(digest, {name: getattr(row, name) for name in FIELDS})
        changes.bulk_update(rows, ["digest"], batch_size=200)
    apps.get_model("ledger", "LedgerHead").objects.update(digest=digest)


class Migration(migrations.Migration):
    dependencies = [("ledger", "0010_digest")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
