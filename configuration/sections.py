"""Sections of the platform as a whole; importing them declares them."""

from restai_site.lib.mail import MailSection

__all__ = ["MailSection"]
