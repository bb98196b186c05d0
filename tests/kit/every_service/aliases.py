"""The services of aliases, and how Activity tells what they did."""

from __future__ import annotations

from qmailpanel.aliases import services as aliases
from qmailpanel.qmail.names import AliasLocal
from tests.kit.every_service.world import (
    A,
    B,
    case,
)

ALIASES = [
    case(
        aliases.add_alias,
        lambda w: aliases.add_alias(w.by, w.domain, AliasLocal("sales"), [A, B], comment="Shop"),
        "root@example.org added the alias sales@pandle.net; Comment: → Shop; "
        "Delivers to: → a@side.test, b@side.test",
    ),
    case(
        aliases.change_alias,
        lambda w: aliases.change_alias(w.by, w.alias, destinations=[B], comment="Shop"),
        "root@example.org changed the alias info@pandle.net; "
        "Comment: → Shop; Delivers to: a@side.test → b@side.test",
    ),
    case(
        aliases.switch_alias,
        lambda w: aliases.switch_alias(w.by, w.alias, on=False),
        "root@example.org switched off the alias info@pandle.net",
    ),
    case(
        aliases.switch_alias,
        lambda w: aliases.switch_alias(w.by, w.alias, on=True),
        "root@example.org switched on the alias info@pandle.net",
        before=lambda w: aliases.switch_alias(w.by, w.alias, on=False),
    ),
    case(
        aliases.remove_alias,
        lambda w: aliases.remove_alias(w.by, w.alias),
        "root@example.org removed the alias info@pandle.net",
    ),
    case(
        aliases.restore_alias,
        lambda w: aliases.restore_alias(w.by, w.alias),
        "root@example.org restored the alias info@pandle.net",
        before=lambda w: aliases.remove_alias(w.by, w.alias),
    ),
]
