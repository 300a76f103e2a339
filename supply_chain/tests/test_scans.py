"""The searches for weaknesses and for secrets: each finds what was planted, and fails."""

import shutil
import subprocess

import pytest

from supply_chain.tests.makefile import recipe, run, small_copy

BANDIT = recipe("lint", "bandit")
SECRETS = recipe("lint", "check-secrets")
# In two parts, so that this file does not hold what the search looks for.
AWS_KEY = "AKIA" + "QYLPMN5HHHFPZAM2"
GITHUB_TOKEN = "ghp_" + "x4Jb2Kq9Lm7Rt1Vw5Zc8Ny3Hs6Pd0Fg2TaQe"
PRIVATE_KEY = "-----BEGIN RSA " + "PRIVATE KEY-----"
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def copy(tmp_path):
    folder = tmp_path / "a copy"
    folder.mkdir()
    return small_copy(folder)


@pytest.fixture
def checkout(copy):
    """The copy as a git checkout, with everything added as after a clone."""
    (copy / ".gitignore").write_text("/.venv\n/ignored/\n")
    for words in (["init", "--quiet"], ["add", "--all"]):
        subprocess.run(["git", *words], cwd=copy, check=True, capture_output=True)
    return copy


def plant(folder, name, text):
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_bandit_passes_what_is_clean(copy):
    done = run(BANDIT, copy)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_bandit_fails_with_a_call_of_a_shell(copy):
    code = "import subprocess\n\n\ndef call(x):\n    subprocess.call(x, shell=True)\n"
    plant(copy, "app/services.py", code)
    done = run(BANDIT, copy)
    assert done.returncode == 1
    assert "[B602:" in done.stdout
    assert "./app/services.py:5" in done.stdout


def test_bandit_finds_other_weaknesses_but_does_not_look_at_tests(copy):
    code = "import hashlib, pickle\n\n\ndef read(x):\n    return {}\n"
    weak = {"B301": "pickle.loads(x)", "B324": "hashlib.md5(x)", "B307": "eval(x)"}
    for name, call in weak.items():
        plant(copy, f"app/{name}.py", code.format(call))
        plant(copy, f"app/tests/{name}.py", code.format(call))
    found = run(BANDIT, copy).stdout
    for name in weak:
        assert f"[{name}:" in found
        assert f"./app/{name}.py:5" in found
    assert "tests" not in found


@needs_git
def test_the_search_for_secrets_passes_what_is_clean_or_ignored_by_git(checkout):
    plant(checkout, "ignored/keys", AWS_KEY)
    before = (checkout / ".secrets.baseline").read_bytes()
    done = run(SECRETS, checkout, CI="true")
    assert (done.returncode, done.stderr) == (0, "")
    assert (checkout / ".secrets.baseline").read_bytes() == before


@needs_git
def test_one_planted_key_fails(checkout):
    plant(checkout, "app/settings.py", f'KEY = "{AWS_KEY}"\n')
    done = run(SECRETS, checkout)
    assert done.returncode == 1
    assert "Secret Type: AWS Access Key" in done.stdout
    assert "Location:    app/settings.py:1" in done.stdout
    assert AWS_KEY not in done.stdout + done.stderr
    assert "change it wherever it is used" in done.stderr


PLANTED = {
    "app/tests/test_app.py": (f'KEY = "{AWS_KEY}"\n', "AWS Access Key"),
    "docs/a page.md": (f"Use {GITHUB_TOKEN} for now.\n", "GitHub Token"),
    "deploy.pem": (f"{PRIVATE_KEY}\n", "Private Key"),
    "app/settings.py": ('password = "Tr0ub4dor-and-3"\n', "Secret Keyword"),
    "compose.yaml": ("url: postgres://ada:Tr0ub4dor@db/app\n", "Basic Auth Credentials"),
}


@needs_git
def test_each_kind_is_found_in_new_files_and_in_tests_too(checkout):
    for name, (text, _) in PLANTED.items():
        plant(checkout, name, text)
    plant(checkout, "app/tests/test_made_up.py", 'password = "Tr0ub4dor-and-3"\n')
    subprocess.run(["git", "add", "deploy.pem", "app"], cwd=checkout, check=True)
    found = run(SECRETS, checkout).stdout
    for name, (_, kind) in PLANTED.items():
        assert f"Secret Type: {kind}\nLocation:    {name}:1\n" in found
    assert "test_made_up.py" not in found


@needs_git
def test_what_the_baseline_knows_may_move_but_not_to_another_file(checkout):
    example = checkout / ".env.example"
    example.write_text("\n\n" + example.read_text())
    assert run(SECRETS, checkout).returncode == 0
    shutil.copy(example, checkout / "other.txt")
    done = run(SECRETS, checkout)
    assert done.returncode == 1
    assert "Location:    other.txt:" in done.stdout


@needs_git
def test_a_broken_search_is_no_success(checkout):
    (checkout / ".secrets.baseline").write_text("{}")
    assert run(SECRETS, checkout).returncode == 1


@pytest.mark.parametrize(("ci", "status"), [("", 0), ("true", 1)])
def test_outside_a_checkout_the_search_says_that_it_is_skipped(copy, ci, status):
    done = run(SECRETS, copy, CI=ci, GIT_CEILING_DIRECTORIES=str(copy.parent))
    assert done.returncode == status
    assert done.stderr.startswith("The search for secrets is skipped: git names no files here (")
    assert done.stdout == ""
