"""The tags of the panel's own templates."""

from __future__ import annotations

from functools import cache

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from qmailpanel.environment.installed import command_name
from qmailpanel.environment.version import read_version

register = template.Library()
register.simple_tag(command_name, name="panel_command")
register.simple_tag(read_version, name="panel_version")


@register.simple_tag
@cache
def icon(name: str) -> SafeString:
    """A shape of static/icons.svg; silent, because a word beside it says the same."""
    sheet = static("icons.svg")
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', sheet, name
    )
