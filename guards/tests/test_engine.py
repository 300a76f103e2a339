"""Guards at work: side by side, in order, within their time; nothing unjudged ever passes."""

import asyncio
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guards.engine import UNJUDGED, Outcome, check
from guards.plans import BLOCK, GONE, INPUT, REDACT, WARN, BoundGuard
from guards.texts import Unit
from guards.verdicts import Unjudged, Verdict
from restai_site.lib.errors import Invalid

SAFE = Verdict(is_unsafe=False, category="none", score=0.1)
UNSAFE = Verdict(is_unsafe=True, category="sweets", score=0.9, reason="Sweet.")
NUMBERS = iter(range(1, 10_000))


def bound(**values):
    values.setdefault("name", "Judge")
    return BoundGuard(binding_id=next(NUMBERS), stages=frozenset({INPUT}), **values)


def detecting(detector="patterns", words=("marzipan",), **values):
    return bound(detector=detector, configuration={"words": list(words)}, **values)


def saying(*verdicts, delay=0.0):
    """Return an `Ask` that gives each guard the next of `verdicts`; an exception is raised."""
    left = list(verdicts)

    async def ask(guard, units):
        found = left.pop(0) if len(left) > 1 else left[0]
        await asyncio.sleep(delay)
        if isinstance(found, Exception):
            raise found
        return found

    return ask


def ruled(guards, *texts, ask=None):
    units = [Unit("user", text) for text in texts or ("Hello",)]
    return asyncio.run(check(guards, INPUT, units, ask or saying(SAFE)))


def outcomes(ruling):
    return [finding.outcome for finding in ruling.findings]


def test_what_is_safe_passes():
    ruling = ruled([bound()])
    assert (outcomes(ruling), ruling.blocked, ruling.texts) == ([Outcome.PASSED], None, ["Hello"])


@pytest.mark.parametrize(("mode", "outcome"), [(BLOCK, Outcome.BLOCKED), (WARN, Outcome.WARNED)])
def test_what_is_unsafe_has_the_outcome_of_its_mode(mode, outcome):
    ruling = ruled([bound(mode=mode)], ask=saying(UNSAFE))
    assert outcomes(ruling) == [outcome]
    assert (ruling.blocked is not None) == (mode == BLOCK)
    assert ruling.findings[0].category == "sweets"


@pytest.mark.parametrize(("threshold", "is_blocked"), [(0, True), (0.9, True), (0.91, False)])
def test_an_unsafe_verdict_counts_from_the_threshold_on(threshold, is_blocked):
    ruling = ruled([bound(threshold=threshold)], ask=saying(UNSAFE))
    assert (ruling.blocked is not None) == is_blocked


def test_a_safe_verdict_passes_whatever_its_score():
    assert ruled([bound()], ask=saying(Verdict(is_unsafe=False, score=1.0))).blocked is None


@pytest.mark.parametrize("error", [Unjudged("word"), RuntimeError(), KeyError(1), TimeoutError()])
@pytest.mark.parametrize("fails_open", [False, True])
@pytest.mark.parametrize("mode", [BLOCK, WARN, REDACT])
def test_no_judgement_is_no_pass_in_any_mode(error, fails_open, mode):
    ruling = ruled([bound(mode=mode, fails_open=fails_open)], ask=saying(error))
    assert outcomes(ruling) == [Outcome.FAILED_OPEN if fails_open else Outcome.FAILED_CLOSED]
    assert (ruling.blocked is None) == fails_open
    assert ruling.findings[0].category == UNJUDGED
    assert ruling.findings[0].failure


def test_a_guard_that_takes_too_long_gives_no_judgement():
    ruling = ruled([bound(timeout_seconds=0.05)], ask=saying(SAFE, delay=30))
    assert ruling.blocked.failure == "timeout"


def test_a_guard_in_trouble_is_not_asked():
    asked = []

    async def ask(guard, units):
        asked.append(guard)
        return SAFE

    assert ruled([bound(trouble=GONE)], ask=ask).blocked.failure == GONE
    assert asked == []


def test_what_must_end_the_call_does_so_though_the_guard_fails_open():
    with pytest.raises(Invalid):
        ruled([bound(fails_open=True)], ask=saying(Invalid("The budget is spent.")))


def test_guards_of_one_order_run_side_by_side():
    going, most = 0, 0

    async def ask(guard, units):
        nonlocal going, most
        going += 1
        most = max(most, going)
        await asyncio.sleep(0.05)
        going -= 1
        return SAFE

    assert ruled([bound() for _ in range(5)], ask=ask).blocked is None
    assert most == 5


def test_the_first_that_blocks_ends_the_others():
    ended = []

    async def ask(guard, units):
        if guard.name == "fast":
            return UNSAFE
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            ended.append(guard.name)
            raise

    ruling = ruled([bound(name="slow"), bound(name="fast"), bound(name="slower")], ask=ask)
    assert (ruling.blocked.guard.name, ended) == ("fast", ["slow", "slower"])
    assert len(ruling.findings) == 1


def test_a_later_order_is_not_asked_about_what_an_earlier_one_has_blocked():
    asked = []

    async def ask(guard, units):
        asked.append(guard.name)
        return UNSAFE

    ruled([bound(name="first", order=1), bound(name="second", order=2)], ask=ask)
    assert asked == ["first"]


def test_a_later_order_sees_what_an_earlier_one_has_masked():
    seen = []

    async def ask(guard, units):
        seen.extend(unit.text for unit in units)
        return SAFE

    guards = [detecting(mode=REDACT, order=1), bound(order=2)]
    ruling = ruled(guards, "Some marzipan, please", ask=ask)
    assert seen == ruling.texts
    assert "marzipan" not in seen[0]


def test_those_who_are_cancelled_end_whom_they_have_asked():
    ended = []

    async def ask(guard, units):
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            ended.append(guard.name)
            raise

    async def leave():
        units = [Unit("user", "Hello")]
        task = asyncio.create_task(check([bound(name="a"), bound(name="b")], INPUT, units, ask))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(leave())
    assert ended == ["a", "b"]


class TestMasking:
    def test_quotes_are_masked_wherever_they_stand(self):
        verdict = Verdict(is_unsafe=True, category="name", score=1.0, quotes=("Ada",))
        ruling = ruled([bound(mode=REDACT)], "Ada and Ada", "Bob and Ada", ask=saying(verdict))
        assert ruling.texts == ["[name] and [name]", "Bob and [name]"]
        assert outcomes(ruling) == [Outcome.REDACTED]
        assert "Ada" not in ruling.findings[0].excerpt

    @pytest.mark.parametrize("quotes", [(), ("Grace",), ("Ada", "Grace"), ("ada",)])
    def test_what_is_said_to_be_there_but_cannot_be_found_does_not_pass(self, quotes):
        verdict = Verdict(is_unsafe=True, category="name", score=1.0, quotes=quotes)
        ruling = ruled([bound(mode=REDACT)], "Ada and Bob", ask=saying(verdict))
        assert (outcomes(ruling), ruling.blocked.failure) == ([Outcome.BLOCKED], "cannot_mask")

    def test_two_that_mask_the_same_mask_it_once(self):
        first = Verdict(is_unsafe=True, category="name", score=0.5, quotes=("Ada L",))
        second = Verdict(is_unsafe=True, category="word", score=0.9, quotes=("a Lovelace",))
        ruling = ruled(
            [bound(mode=REDACT), bound(mode=REDACT)], "By Ada Lovelace", ask=saying(first, second)
        )
        assert ruling.texts == ["By [word]"]

    def test_the_places_told_are_those_of_the_text_as_it_was(self):
        guards = [
            detecting(words=["marzipan"], mode=REDACT, order=1),
            detecting(words=["nougat"], mode=REDACT, order=2),
        ]
        text = "Some marzipan and nougat."
        ruling = ruled(guards, text)
        spans = ruling.spans[0]
        assert [text[span.start : span.end] for span in spans] == ["marzipan", "nougat"]


@given(
    verdicts=st.lists(
        st.sampled_from([SAFE, UNSAFE, Unjudged("word"), RuntimeError("word")]),
        min_size=1,
        max_size=6,
    ),
    modes=st.lists(st.sampled_from([BLOCK, WARN]), min_size=6, max_size=6),
    opens=st.lists(st.booleans(), min_size=6, max_size=6),
    orders=st.lists(st.integers(1, 3), min_size=6, max_size=6),
)
def test_a_text_passes_only_if_every_guard_lets_it(verdicts, modes, opens, orders):
    guards = [
        bound(name=str(number), mode=modes[number], fails_open=opens[number], order=orders[number])
        for number in range(len(verdicts))
    ]
    guards.sort(key=lambda guard: guard.order)

    async def ask(guard, units):
        found = verdicts[int(guard.name)]
        if isinstance(found, Exception):
            raise found
        return found

    def stops(guard):
        found = verdicts[int(guard.name)]
        return (
            not guard.fails_open
            if isinstance(found, Exception)
            else (found.is_unsafe and guard.mode == BLOCK)
        )

    ruling = ruled(guards, ask=ask)
    assert (ruling.blocked is not None) == any(map(stops, guards))
    if ruling.blocked is None:
        assert len(ruling.findings) == len(guards)


@given(
    text=st.text(alphabet="ab -\u200b", max_size=30),
    other=st.text(alphabet="ab -", max_size=30),
    mode=st.sampled_from([BLOCK, REDACT]),
)
def test_a_detector_lets_nothing_of_what_it_looks_for_pass(text, other, mode):
    ruling = ruled([detecting(words=["abba"], mode=mode)], text, other)
    passed = [] if ruling.blocked else ruling.texts
    assert "abba" not in re.split("[ -]", " ".join(passed).replace("\u200b", ""))
