"""Lists of rows: what the address bar asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar
from unicodedata import normalize
from urllib.parse import urlencode

from django.db.models import Model, QuerySet
from django.http import HttpRequest

from qmailpanel.paging import Page, page
from qmailpanel.qmail.numbers import HIGHEST_ROW, read_number

Row = TypeVar("Row", bound=Model)


LONGEST = 320  # characters of what is looked for


def searched(typed: str) -> str:
    """As names are written, without what no name has and no database takes."""
    text = normalize("NFC", "".join(filter(str.isprintable, typed)))
    return text.strip().lower()[:LONGEST]


@dataclass(frozen=True)
class Query:
    """Filters live in the address: `q` begins the name, `top` is a row to see first.

    `only`: those of which something is so; `sort`: in that order; `number`: the page, of a list
    whose pages have numbers. Each list knows what it understands.
    """

    q: str
    top: int
    after: str
    before: str
    only: str = ""
    sort: str = ""
    number: int = 1

    @classmethod
    def of(cls, request: HttpRequest) -> Query:
        get = request.GET.get
        top = read_number(get("top", ""), HIGHEST_ROW) or 0
        q = searched(get("q", ""))
        number = read_number(get("page", ""), HIGHEST_ROW) or 1
        cursors = get("after", ""), get("before", "")
        return cls(q, top, *cursors, get("only", ""), get("sort", ""), number)

    @property
    def local(self) -> str:
        """What stands before the @, should a whole address be looked for."""
        return self.q.partition("@")[0]

    @property
    def host(self) -> str:
        """What stands behind it."""
        return self.q.rpartition("@")[2]

    def page_of(self, rows: QuerySet[Row], key: tuple[str, ...]) -> Page[Row]:
        """The page asked for, without the row that stands on top of it."""
        rest = rows.exclude(pk=self.top) if self.top else rows
        return page(rest, key=key, after=self.after, before=self.before)

    def top_of(self, rows: QuerySet[Row]) -> list[Row]:
        return list(rows.filter(pk=self.top)) if self.top else []

    def context_of(self, rows: QuerySet[Row], key: tuple[str, ...]) -> dict[str, Any]:
        """The context of the page asked for."""
        return self.context(self.page_of(rows, key))

    def context(self, shown: Page[Row]) -> dict[str, Any]:
        """The context of components/find.html and components/pager.html."""
        return {"q": self.q, "page": shown, "query": query_of(q=self.q)}


def query_of(**asked: str) -> str:
    """A query string to which more is added: what is not empty, each with its &."""
    return "".join(f"{urlencode({name: value})}&" for name, value in asked.items() if value)
