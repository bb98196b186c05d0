"""The tags of the panel's own templates."""

from __future__ import annotations

from datetime import datetime
from functools import cache

from django import template
from django.templatetags.static import static
from django.utils.dateformat import format as date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from qmailpanel.environment.installed import command_name
from qmailpanel.environment.version import read_version

register = template.Library()
register.simple_tag(command_name, name="panel_command")
register.simple_tag(read_version, name="panel_version")


@register.filter(expects_localtime=True)
def moment(at: datetime | None, precision: str = "minutes") -> SafeString | str:
    """A time in the zone of whoever reads it, with the zone's name; "" for none."""
    if at is None:
        return ""
    text = date_format(at, "Y-m-d H:i:s T" if precision == "seconds" else "Y-m-d H:i T")
    return format_html(
        '<time datetime="{0}" title="{0}">{1}</time>', at.isoformat("T", "seconds"), text
    )


@register.simple_tag
@cache
def icon(name: str) -> SafeString:
    """A shape of static/icons.svg; silent, because a word beside it says the same."""
    sheet = static("icons.svg")
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', sheet, name
    )
