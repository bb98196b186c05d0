"""Forms whose fields become parsed types, and whose errors get the focus."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Self

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from qmailpanel.ledger.actors import Refused
from qmailpanel.qmail import names
from qmailpanel.qmail.sizes import parse_size, write_size

BETWEEN = re.compile(r"[\s,;]+")
MOST_WORDS = 1_000
PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class ParsedField(forms.CharField):
    """Text that becomes a parsed type, or an error in the parser's own words."""

    def __init__(self, parse: Callable[[str], str], **options: Any) -> None:
        self.parse = parse
        super().__init__(**options)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        return self.parsed(text) if text else text

    def parsed(self, text: str) -> str:
        try:
            return self.parse(text)
        except names.InvalidName as error:
            raise forms.ValidationError(gettext(error.template) % error.params) from error


class LocalField(ParsedField):
    """The local part of an address of `domain`, which people may write behind it."""

    domain = ""

    def parsed(self, text: str) -> str:
        local, at, host = text.rpartition("@")
        is_own = at and names.stored_of(host.strip()) == self.domain
        return super().parsed(local if is_own else text)


class PanelForm(forms.Form):
    """The server is the one voice: the first field with an error has the focus."""

    use_required_attribute = False

    def add_error(self, field: str | None, error: Any) -> None:
        super().add_error(field, error)
        self._focus()

    def _focus(self) -> None:
        wrong = [name for name in self.fields if name in self.errors]
        for name in self.fields:
            self.fields[name].widget.attrs["autofocus"] = name == next(iter(wrong), None)

    def within(self, domain: str) -> Self:
        """Let the fields know of which domain addresses are."""
        for field in self.fields.values():
            if isinstance(field, LocalField | DestinationsField):
                field.domain = domain
        return self

    def refuse(self, refusal: Refused) -> None:
        """Show what a service refused, at its field."""
        name = self.field_of(refusal.field)
        self.add_error(name if name in self.fields else None, str(refusal))

    def field_of(self, field: str) -> str:
        """The field of this form that a service means."""
        return field


def errors_of(hidden: Iterable[PanelForm]) -> str:
    """What is wrong with them, for a page that does not show them any more."""
    lists = [errors for form in hidden for errors in form.errors.values()]
    return " ".join(str(error) for errors in lists for error in errors)


class DestinationsField(forms.CharField):
    """Addresses between blanks, commas or line breaks; without an @ they are of this domain."""

    domain = ""

    def clean(self, value: Any) -> Any:
        words = [word for word in BETWEEN.split(super().clean(value)) if word]
        if len(words) > MOST_WORDS:  # before any is parsed, which takes its time
            message = _("Enter at most %(most)d addresses.")
            raise forms.ValidationError(message, params={"most": MOST_WORDS})
        return [self.destination(word) for word in words]

    def destination(self, word: str) -> names.MailAddress:
        try:
            whole = word if "@" in word else f"{names.LocalPart(word)}@{self.domain}"
            return names.MailAddress(whole)
        except names.InvalidName as error:
            why = gettext(error.template) % error.params
            raise forms.ValidationError(f"{word}: {why}" if word not in why else why) from error


class CountField(forms.IntegerField):
    """A whole number. Django reads 1.000 as 1, and who wrote it may have meant a thousand."""

    re_decimal = re.compile("(?!)")  # what Django would cut off: nothing

    def __init__(self, *, sentence: Any, **options: Any) -> None:
        errors = dict.fromkeys(("invalid", "min_value"), sentence)
        options.setdefault("widget", forms.TextInput(attrs={**PLAIN, "inputmode": "numeric"}))
        super().__init__(error_messages=errors, **options)


class SizeField(forms.CharField):
    """Bytes, written as 500 MB; nothing and 0 are `blank`."""

    def __init__(self, *, blank: int | None, **options: Any) -> None:
        self.blank = blank
        attrs = {**PLAIN, "placeholder": _("no limit")}
        super().__init__(required=False, widget=forms.TextInput(attrs=attrs), **options)

    def prepare_value(self, value: Any) -> Any:
        return (write_size(value) if value else "") if isinstance(value, int) else value

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return self.blank
        try:
            return parse_size(text) or self.blank
        except names.InvalidName as error:
            raise forms.ValidationError(gettext(error.template) % error.params) from error
