"""The script and the frame: who may load them, and what they may not do."""

import base64
import gzip
import hashlib

import pytest
from django.test import Client

from restai_site.tests.cors import cors_headers
from restai_site.tests.world import SYSTEM
from widget.delivery import script_url
from widget.script import script
from widget.services import update_widget
from widget.tests.conftest import SITE

pytestmark = pytest.mark.django_db
LARGEST_BYTES = 25_000


def test_the_script_is_small_whole_and_named_by_what_is_in_it():
    found = script()
    assert len(found.compressed) < LARGEST_BYTES
    assert gzip.decompress(found.compressed) == found.content
    digest = base64.b64encode(hashlib.sha384(found.content).digest()).decode()
    assert found.integrity == f"sha384-{digest}"
    assert found.hash in script_url()


def test_it_knows_no_other_host_and_writes_no_markup():
    text = script().content.decode()
    for word in (
        *("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("),
        *("new Function", "DOMParser", "createContextualFragment", "document.cookie"),
        *("localStorage", "srcdoc", "import("),
    ):
        assert word not in text, word
    addresses = {part.split('"')[0] for part in text.split("https://")[1:]}
    assert not {one for one in addresses if one[:1].isalpha()}


def test_the_address_with_a_hash_is_kept_for_ever_and_the_other_for_a_while():
    client = Client()
    kept = client.get(script_url())
    assert kept["Cache-Control"] == "public, max-age=31536000, immutable"
    assert kept["Content-Type"] == "text/javascript; charset=utf-8"
    assert kept["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert client.get("/widget/chat.js")["Cache-Control"] == "public, max-age=300"
    old = client.get("/widget/chat-000000000000.js")
    assert (old.status_code, old["Location"]) == (302, "/widget/chat.js")
    assert not kept.cookies


def test_it_comes_compressed_where_that_is_understood():
    answer = Client().get("/widget/chat.js", headers={"Accept-Encoding": "gzip, br"})
    assert answer["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.content) == script().content
    assert "Accept-Encoding" in answer["Vary"]
    assert "Content-Encoding" not in Client().get("/widget/chat.js")


def test_listed_websites_may_check_its_integrity_and_others_may_not(page):
    for path in ("/widget/chat.js", script_url()):
        answer = Client().get(path, headers={"Origin": SITE})
        assert answer["Access-Control-Allow-Origin"] == SITE
        for origin in ("https://evil.example", "null", "http://www.example.com"):
            refused = Client().get(path, headers={"Origin": origin})
            assert refused.status_code == 200
            assert cors_headers(refused.headers) == []
            assert "origin" in refused["Vary"].lower()


def test_the_frame_stands_in_listed_websites_alone(page):
    path = page.path("frame")
    answer = Client().get(path)
    policy = answer["Content-Security-Policy"]
    assert f"frame-ancestors 'self' {SITE}" in policy
    assert "X-Frame-Options" not in answer
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert page.key not in answer.content.decode()
    update_widget(page.widget, {"allowed_origins": []}, actor=SYSTEM)
    assert Client().get(path)["Content-Security-Policy"].endswith("frame-ancestors 'self'")


def test_a_frame_of_no_widget_looks_like_any_other(page):
    missing = Client().get("/widget/aaaaaaaaaaaaaaaa/frame")
    assert missing.status_code == 200
    assert missing["Content-Security-Policy"].endswith("frame-ancestors 'self'")
    assert missing.content == Client().get(page.path("frame")).content
    assert Client().get("/widget/short/frame").status_code == 404


def test_no_other_page_may_be_framed():
    answer = Client().get("/login")
    assert answer["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
