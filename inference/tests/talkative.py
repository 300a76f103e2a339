"""Looking for what was said: in tables, in the cache, and in the log of a server that says all."""

from restai_site.tests.tables import keys_holding, tables_holding


def places_of(mark, talkative):
    """Return where the mark is found: tables, keys of the cache, lines of the log."""
    lines = talkative.log.read_text(encoding="utf-8", errors="replace").splitlines()
    return [
        *tables_holding(mark),
        *keys_holding(mark),
        *(line[:300] for line in lines if mark in line),
    ]


def assert_the_log_says_much(talkative):
    log = talkative.log.read_text(encoding="utf-8", errors="replace")
    assert "metering_settle(" in log
    assert "DEBUG psycopg" in log
    assert "INFO uvicorn.access" in log
