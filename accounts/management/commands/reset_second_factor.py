"""Takes the second factors from a user, for the day on which no administrator can sign in."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User, normal_email
from accounts.services.factors import reset_factors
from restai_site.lib.actor import Actor
from restai_site.lib.errors import DomainError


class Command(BaseCommand):
    """Resets the second factors of one user."""

    help = "Take all second factors from a user who has lost them; their sessions end."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="the user's e-mail address")

    def handle(self, *args: Any, **options: Any) -> None:
        user: User | None = User.objects.filter(email=normal_email(options["email"])).first()
        if user is None:
            raise CommandError("There is no user with this e-mail address.")
        try:
            reset_factors(user, actor=Actor.system("reset_second_factor"))
        except DomainError as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"{user.email} has no second factor any more.")
