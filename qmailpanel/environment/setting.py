"""One setting: its name, what it must be, its default and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from qmailpanel.environment.kinds import Kind

Values = dict[str, Any]


@dataclass(frozen=True)
class Setting:
    """`default`: the value, or how it follows from the settings above; `by_default`: in words."""

    name: str
    kind: Kind[Any]
    default: Any
    says: str
    by_default: str = ""
    may_be_empty: bool = False
    is_secret: bool = False

    def read(self, text: str, above: Values) -> Any:
        """Its value. Raises ImproperlyConfigured."""
        if not text and not self.may_be_empty:
            return self.default_value(above)
        try:
            return self.kind.read(text)
        except ValueError:
            raise ImproperlyConfigured(self._refusal(text)) from None

    def default_value(self, above: Values) -> Any:
        value = self.default(above) if callable(self.default) else self.default
        return self.read(str(value), above) if isinstance(value, Path) else value

    def _refusal(self, text: str) -> str:
        if self.is_secret:
            return (
                f"{self.name} must be {self.kind.must_be}; "
                "what was given is not shown, because it may hold a password."
            )
        return f"{self.name} is {text!r}, but must be {self.kind.must_be}."
