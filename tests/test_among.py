from __future__ import annotations

import pytest

from qmailpanel.among import AMONG
from qmailpanel.domains.models import Domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.ledger.models import Change
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import LocalPart


@pytest.mark.parametrize("numbers", [[], [0], [0, 1], [1, 1, 0]])
def test_the_rows_are_those_whose_number_is_one_of_them(domain, other_domain, numbers):
    add_mailbox(SYSTEM, other_domain, LocalPart("bob"))
    among = [(domain.pk, other_domain.pk)[number] for number in numbers]
    for rows, column in ((Domain.objects.all(), "pk"), (Change.objects.all(), "domain")):
        found = rows.filter(**{f"{column}{AMONG}": among})
        assert set(found) == set(rows.filter(**{f"{column}__in": among}))


def test_thousands_are_one_parameter():
    found = Change.objects.filter(**{f"domain{AMONG}": range(3_000)})
    assert len(found.query.sql_with_params()[1]) == 1
