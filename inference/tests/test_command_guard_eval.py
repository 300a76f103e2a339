"""`manage.py guard_eval`: figures for people and programs, and exit codes for CI."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from guards.models import GuardResult, GuardRun
from inference.tests.bench import CASES, jsonl, make_set
from inference.tests.guarding import FORBIDDEN, judge_llm, make_guard
from metering.models import UsageRecord
from metering.tests.calls import budget
from restai_site.tests.world import SYSTEM
from teams.services import set_grants

WORDS = json.dumps({"words": [FORBIDDEN]})
PATTERNS = ("--detector", "patterns", "--configuration", WORDS)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "sweets.jsonl"
    path.write_bytes(jsonl(CASES).read())
    return str(path)


def evaluate(*arguments):
    out = io.StringIO()
    call_command("guard_eval", *arguments, stdout=out)
    return out.getvalue()


def refused(*arguments):
    with pytest.raises(CommandError) as caught:
        evaluate(*arguments)
    return caught.value.returncode, str(caught.value)


def test_a_detector_is_measured_over_a_file(db, file):
    told = evaluate(*PATTERNS, "--set", file)
    assert "5 texts" in told
    assert "  unsafe                    1            1" in told
    assert "  safe                      1            2" in told
    assert "recall        0.500" in told
    assert "false alarms  0.333" in told


def test_the_figures_are_json_for_programs(db, file):
    report = json.loads(evaluate(*PATTERNS, "--set", file, "--json"))
    counts = {name: report[name] for name in ("tp", "fp", "tn", "fn", "errors")}
    assert counts == {"tp": 1, "fp": 1, "tn": 2, "fn": 1, "errors": 0}
    assert (report["precision"], report["recall"], report["f1"]) == (0.5, 0.5, 0.5)
    assert report["false_alarm_rate"] == 1 / 3
    assert report["missed"] == []
    assert report["latency_p50_ms"] > 0


def test_bounds_that_hold_end_well_to_the_last_digit(db, file):
    assert evaluate(*PATTERNS, "--set", file, "--min-recall", "0.5", "--max-false-alarms", "0.334")


@pytest.mark.parametrize(
    "bounds", [("--min-recall", "0.51"), ("--max-false-alarms", "0.33")], ids=["recall", "alarms"]
)
def test_a_bound_that_is_missed_ends_with_1(db, file, bounds):
    status, words = refused(*PATTERNS, "--set", file, *bounds)
    assert status == 1
    assert words.endswith(f"than {bounds[1]}.")


def test_csv_files_and_shipped_sets_are_read_too(db, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"text,label\n{FORBIDDEN},1\n", encoding="utf-8")
    assert "1 texts" in evaluate(*PATTERNS, "--set", str(path))
    for name in ("injection", "Prompt injection", "unsafe_requests"):
        assert "60 texts" in evaluate("--detector", "injection", "--set", name)


def test_a_guard_project_is_measured_and_its_project_pays(world, provider, file):
    guard = make_guard(world, llm=judge_llm(world))
    report = json.loads(evaluate("--guard", str(guard.pk), "--set", file, "--json"))
    assert (report["tp"], report["fn"], report["fp"], report["tn"]) == (1, 1, 1, 2)
    records = UsageRecord.objects.all()
    assert {(one.project_id, one.kind) for one in records} == {(guard.pk, "guard")}
    assert report["cost"] == pytest.approx(float(sum(one.cost for one in records)))
    assert report["cost"] > 0
    assert not GuardRun.objects.exists()
    assert not GuardResult.objects.exists()


def test_a_set_of_the_guards_team_is_found_by_its_name_and_no_other_teams(world, provider):
    guard = make_guard(world, llm=judge_llm(world))
    make_set(world.alpha, "Ours")
    make_set(world.beta, "Theirs")
    assert "5 texts" in evaluate("--guard", str(guard.pk), "--set", "Ours")
    status, words = refused("--guard", str(guard.pk), "--set", "Theirs")
    assert status == 2
    assert "injection" in words


def test_errors_of_the_guard_miss_every_bound(world, provider, file):
    guard = make_guard(world, llm=judge_llm(world, "error-500"))
    assert "recall        \N{EN DASH}" in evaluate("--guard", str(guard.pk), "--set", file)
    status, words = refused("--guard", str(guard.pk), "--set", file, "--max-false-alarms", "1")
    assert status == 1
    assert "5 texts got no judgement." in words


def test_a_guard_that_may_not_be_called_cannot_run(world, file):
    guard = make_guard(world, llm=judge_llm(world))
    set_grants(world.alpha, {"llms": []}, actor=SYSTEM)
    assert refused("--guard", str(guard.pk), "--set", file)[0] == 2


def test_a_budget_that_is_spent_cannot_run(world, provider, file):
    budget("0.000000001", team=world.alpha)
    guard = make_guard(world, llm=judge_llm(world))
    assert refused("--guard", str(guard.pk), "--set", file)[0] == 2
    assert not provider.requests


@pytest.mark.parametrize(
    "arguments",
    [
        ("--guard", "2000000000", "--set", "injection"),
        ("--detector", "nonsense", "--set", "injection"),
        ("--detector", "injection", "--set", "nonsense"),
        ("--detector", "injection", "--set", "/nowhere/at/all.csv"),
        ("--detector", "injection", "--set", "/nowhere/at/all.txt"),
        ("--detector", "injection", "--configuration", "{", "--set", "injection"),
        ("--detector", "injection", "--configuration", "[]", "--set", "injection"),
        ("--detector", "injection", "--configuration", '{"x": 1}', "--set", "injection"),
        ("--guard", "2000000000", "--configuration", "{}", "--set", "injection"),
    ],
)
def test_what_cannot_run_ends_with_2(db, arguments):
    assert refused(*arguments)[0] == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("--set", "injection"),
        ("--detector", "injection"),
        ("--detector", "injection", "--guard", "1", "--set", "injection"),
        ("--detector", "injection", "--set", "injection", "--min-recall", "2"),
        ("--detector", "injection", "--set", "injection", "--max-false-alarms", "nan"),
    ],
)
def test_what_is_asked_wrongly_is_refused(db, arguments):
    with pytest.raises(CommandError):
        evaluate(*arguments)


def test_a_file_with_a_mistake_names_its_line(db, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label\nx,maybe\n", encoding="utf-8")
    status, words = refused("--detector", "injection", "--set", str(path))
    assert status == 2
    assert words.startswith("Line 2: the label is")
