from django.db import migrations

from qmailpanel.ledger import append_only


def guard(_apps, editor):
    append_only.guard(editor.connection)


def unguard(_apps, editor):
    append_only.unguard(editor.connection)


class Migration(migrations.Migration):
    dependencies = [("ledger", "0011_chain")]

    operations = [migrations.RunPython(guard, unguard)]
