"""Settings of this app."""

from restai_site.lib.configuration import Number, Section


class GuardsSection(Section):
    """How guards look at streams, and for how long a verdict holds."""

    slug = "guards"
    title = "Guards"
    lede = (
        "How answers are held back while output guards judge them, and for how long a verdict is "
        "remembered. Which guards stand where is set on the pages of projects and guards."
    )
    order = 85

    window_characters = Number(
        400,
        least=20,
        most=20_000,
        label="Window of a stream, in characters",
        explanation=(
            "A streamed answer is judged whenever this much more of it has come. Smaller windows "
            "show the first words sooner and ask the guard more often."
        ),
        variable="GUARD_WINDOW_CHARACTERS",
    )
    overlap_characters = Number(
        80,
        least=10,
        most=5_000,
        label="Overlap of windows, in letters and digits",
        explanation=(
            "So much of a window is judged again with the next before it is released. What a guard "
            "looks for may be this long and is still found across a border."
        ),
        variable="GUARD_OVERLAP_CHARACTERS",
    )
    cache_seconds = Number(
        300,
        least=0,
        most=86_400,
        label="Verdicts of models are remembered for, in seconds",
        explanation="For the same text, guard and team. 0: every text is judged anew.",
        variable="GUARD_CACHE_SECONDS",
    )
    answer_tokens = Number(
        400,
        least=64,
        most=4_096,
        label="Longest verdict of a model, in tokens",
        explanation="A verdict that is cut off does not count: nothing passes then.",
        variable="GUARD_ANSWER_TOKENS",
    )
