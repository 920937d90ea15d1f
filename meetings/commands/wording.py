"""Help in the terminal's language: what the library says itself, and what our commands say of themselves."""

from __future__ import annotations

from typing import Any

import typer
from typer import rich_utils

from meetings.terminal import _


def translate_titles(context: Any) -> None:
    """Of the panels that help is made of, and the word before how a command is called; `context` is its class."""
    rich_utils.OPTIONS_PANEL_TITLE = _("Tùy chọn")
    rich_utils.ARGUMENTS_PANEL_TITLE = _("Tham số")
    rich_utils.COMMANDS_PANEL_TITLE = _("Lệnh")
    rich_utils.ERRORS_PANEL_TITLE = _("Lỗi")
    plain = context.formatter_class

    class Formatter(plain):  # type: ignore[misc, valid-type]  # the library's own, private to it
        """Says the usage in the terminal's language."""

        def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
            super().write_usage(prog, args, prefix or f"{_('Cách dùng:')} ")

    context.formatter_class = Formatter


def translate_help(command: Any) -> None:  # of the library's own tree, whose classes are private to it
    """Help is written in the source's language and shown in the terminal's."""
    if command.help:
        command.help = _(command.help)
    for parameter in command.params:
        if getattr(parameter, "help", None):
            parameter.help = _(parameter.help)
    command._help_option = None
    if (asking := command.get_help_option(typer.Context(command))) is not None:
        asking.help = _("Hiện phần trợ giúp này rồi dừng.")
    for inner in getattr(command, "commands", {}).values():
        translate_help(inner)
