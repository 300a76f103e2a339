"""`manage.py settings`: platform settings from the command line."""

import sys
from argparse import ArgumentParser
from getpass import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from configuration.services import reset_setting, update_section
from configuration.shown import ShownSetting, show, show_all
from restai_site.lib.actor import Actor
from restai_site.lib.configuration import Section, Setting, section_named
from restai_site.lib.errors import DomainError

ACTOR = Actor.system("settings")
FROM_STANDARD_INPUT = "-"


class Command(BaseCommand):
    """Lists, reads and changes settings by the services of the pages and the API."""

    help = "List, read and change platform settings. Secrets are never shown."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("list", help="all settings with their values")
        for verb, words in (("get", "one value"), ("unset", "back to the default")):
            verbs.add_parser(verb, help=words).add_argument("setting", help="SECTION.NAME")
        setter = verbs.add_parser("set", help="change one value")
        setter.add_argument("setting", help="SECTION.NAME")
        setter.add_argument("value", help="the value, or - to read it from standard input")

    def handle(self, *args: Any, **options: Any) -> None:
        work = {"list": self._list, "get": self._get, "set": self._set, "unset": self._unset}
        try:
            work[options["verb"]](options)
        except DomainError as error:
            raise CommandError(_sentence(error)) from None

    def _list(self, options: dict[str, Any]) -> None:
        for shown in show_all(actor=ACTOR):
            for one in shown.settings:
                value = _text(one).replace("\n", ", ")
                self.stdout.write(f"{shown.section.slug}.{one.setting.name} = {value}{_why(one)}")

    def _get(self, options: dict[str, Any]) -> None:
        section, setting = _named(options["setting"])
        found = show(section, actor=ACTOR).settings
        self.stdout.write(next(_text(one) for one in found if one.setting is setting))

    def _set(self, options: dict[str, Any]) -> None:
        section, setting = _named(options["setting"])
        text = options["value"]
        if text == FROM_STANDARD_INPUT:
            text = _typed_in()
        elif setting.is_secret:
            # What stands on a command line, every process of the machine may read.
            raise CommandError(f"Give a secret by standard input: set {options['setting']} -")
        if setting.is_secret and not text.strip():
            raise CommandError(f"Nothing was given. To remove it: unset {options['setting']}")
        changed = update_section(section, {setting.name: setting.parse(text)}, actor=ACTOR)
        self._say(bool(changed), options["setting"])

    def _unset(self, options: dict[str, Any]) -> None:
        section, setting = _named(options["setting"])
        self._say(reset_setting(section, setting.name, actor=ACTOR), options["setting"])

    def _say(self, changed: bool, name: str) -> None:
        self.stdout.write(f"{name} is changed." if changed else f"{name} is as it was.")


def _named(name: str) -> tuple[type[Section], Setting[Any]]:
    slug, _, rest = name.partition(".")
    section = section_named(slug)
    return section, section.setting(rest)


def _typed_in() -> str:
    return getpass("Value: ") if sys.stdin.isatty() else sys.stdin.read().rstrip("\r\n")


def _text(shown: ShownSetting) -> str:
    if shown.setting.is_secret:
        return _text_of_secret(shown)
    if isinstance(shown.value, list):
        return "\n".join(shown.value)
    return str(shown.value).lower() if isinstance(shown.value, bool) else str(shown.value)


def _text_of_secret(shown: ShownSetting) -> str:
    if shown.set_at is None:
        return "set" if shown.value else "not set"
    words = f"set on {shown.set_at.day} {shown.set_at:%b %Y}"
    return f"{words}, but cannot be decrypted" if shown.is_unreadable else words


def _why(shown: ShownSetting) -> str:
    if shown.locked_by:
        return f"  (fixed by {shown.locked_by})"
    return "" if shown.set_at else "  (default)"


def _sentence(error: DomainError) -> str:
    messages = [message for texts in (error.fields or {}).values() for message in texts]
    return " ".join(dict.fromkeys(messages)) or error.message
