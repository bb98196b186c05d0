"""A command removes what others deliver to only if it says so."""

from __future__ import annotations

import pytest

from qmailpanel.aliases.services import add_alias
from qmailpanel.domains.names.services import add_alias_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.qmail.names import AliasLocal, DomainName, MailAddress


@pytest.mark.parametrize(
    ("line", "target"),
    [
        ("mail -r biliards@pandle.net", "biliards@pandle.net"),
        ("mail -r sales@pandle.net", "Sales@pandle.net"),
        ("mail -u biliards@pandle.net -aliases del:sales", "sales@pandle.net"),
        ("domalias --delete pandle.org", "x@pandle.org"),
        ("domalias --rename pandle.org -new-name pandle.com", "x@pandle.org"),
        ("domain --remove pandle.net", "x@pandle.net"),
    ],
)
def test_by_force(run, domain, other_domain, mailbox, line, target):
    add_alias_domain(SYSTEM, domain, DomainName("pandle.org"))
    add_alias(SYSTEM, domain, AliasLocal("sales"), [MailAddress("biliards@pandle.net")])
    add_alias(SYSTEM, other_domain, AliasLocal("a"), [MailAddress(target)])
    code, out, error = run(line)
    assert (code, out) == (1, "")
    assert "a@stranger.example" in error
    assert error.endswith("Add -force to remove it all the same.\n")
    code, out, _error = run(f"{line} -force")
    assert code == 0
    assert out.startswith("SUCCESS: ")


@pytest.mark.parametrize(
    ("line", "name"),
    [("domalias --delete pandle.org", "pandle.org"), ("domain --remove pandle.net", "pandle.net")],
)
def test_what_is_served_elsewhere_refuses_mail_no_longer(run, domain, line, name):
    add_alias_domain(SYSTEM, domain, DomainName("pandle.org"))
    claim = domain.names.get(name=name)
    code, out, _error = run(f"{line} -served-elsewhere")
    assert (code, out[:8]) == (0, "SUCCESS:")
    claim.refresh_from_db()
    assert not claim.refuses
    assert claim.removed or claim.domain.removed
