"""A section of every kind of setting, declared as an app would."""

import pytest

from restai_site.lib import configuration
from restai_site.lib.actor import Actor
from restai_site.lib.configuration import Choice, Flag, Lines, Number, Secret, Section, Text
from restai_site.lib.errors import Conflict, Invalid
from restai_site.tests.world import acting


@pytest.fixture
def sample(monkeypatch) -> type[Section]:
    """A section that exists for one test."""
    monkeypatch.setattr(configuration, "_sections", dict(configuration._sections))

    class Sample(Section):
        slug = "sample"
        title = "Sample"
        lede = "Of every kind one."
        order = 50
        test_label = "Try it"

        place = Text("here", label="Place", explanation="Where it is.", variable="SAMPLE_PLACE")
        key = Secret(label="Key", sent_to=("place",), variable="SAMPLE_KEY")
        count = Number(5, least=1, most=10, label="Count", variable="SAMPLE_COUNT")
        open = Flag(False, label="Open to all", variable="SAMPLE_OPEN")
        colour = Choice("red", choices=[("red", "Red"), ("blue", "Blue")], label="Colour")
        names = Lines(("ada",), label="Names")

        @classmethod
        def check(cls, values):
            if values["open"] and values["count"] > 9:
                message = "Open to all, count at most to 9."
                raise Invalid(message, fields={"count": [message]})

        def test(self, actor):
            if self.place == "nowhere":
                raise Conflict("Nothing is there.")
            return f"{actor.email} finds {self.place}."

    return Sample


@pytest.fixture
def admin(world) -> Actor:
    """A platform administrator who is signed in."""
    user = world.platform_admin
    return acting(user)
