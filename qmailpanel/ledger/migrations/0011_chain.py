from django.db import migrations

from qmailpanel.ledger.chain import chain
from qmailpanel.paging import pieces

FIELDS = (
    *("id", "at", "actor_id", "actor_name", "ip", "verb", "noun", "target"),
    *("domain", "address", "before", "after"),
)


def fill(apps, editor):
    """Chain what was recorded before there was a chain."""
    digest = ""
    for rows in pieces(apps.get_model("ledger", "Change").objects.all(), key=["id"]):
        digests = []
        for row in rows:
            digest = chain(digest, {name: getattr(row, name) for name in FIELDS})
            digests.append((digest, row.id))
        with editor.connection.cursor() as cursor:
            cursor.executemany("UPDATE ledger_change SET digest = %s WHERE id = %s", digests)
    apps.get_model("ledger", "LedgerHead").objects.update(digest=digest)


class Migration(migrations.Migration):
    dependencies = [("ledger", "0010_digest")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
