"""What the widget makes of what a model says: text, and nothing that acts."""

import json

import pytest

from restai_site.tests.attacks import ATTACKS
from restai_site.tests.host_page import HostPage
from widget.script import FOLDER

pytestmark = [pytest.mark.browser, pytest.mark.slow]
# All that an answer may be made of, and the attributes that these may have.
ALLOWED = {
    *("P", "BR", "HR", "UL", "OL", "LI", "PRE", "CODE", "STRONG", "EM", "S", "A", "BLOCKQUOTE"),
    *("H3", "H4", "H5", "H6", "DIV", "TABLE", "THEAD", "TBODY", "TR", "TH", "TD"),
}
LOOK = """
(cases) => {
  const found = [];
  for (const text of cases) {
    for (let end = 1; end <= text.length; end += 1) {
      const root = document.createElement("div");
      document.body.append(root);
      window.render(root, text.slice(0, end));
      for (const one of root.querySelectorAll("*")) {
        const names = one.getAttributeNames();
        const href = one.getAttribute("href") ?? "";
        const good = window.allowed.includes(one.tagName)
          && names.every((name) => ["href", "rel", "target", "start"].includes(name))
          && (!href || /^(https?:|mailto:)/.test(href))
          && (!href || one.getAttribute("rel").includes("noopener nofollow"));
        if (!good) found.push([text.slice(0, end), one.outerHTML]);
      }
      root.remove();
    }
  }
  return found;
}
"""


@pytest.fixture(scope="module")
def site():
    with HostPage() as running:
        yield running


@pytest.fixture
def renderer(chromium, site):
    """A page with the renderer alone, and what it was asked to load."""
    page = chromium.new_page()
    requests = []
    page.goto(site.origin)
    page.on("request", lambda one: requests.append(one.url))
    module = (FOLDER / "markdown.js").read_text(encoding="utf-8")
    page.evaluate(
        "(module) => import(URL.createObjectURL(new Blob([module], {type: 'text/javascript'})))"
        ".then((found) => { window.render = found.render; })",
        module,
    )
    page.evaluate(f"window.allowed = {json.dumps(sorted(ALLOWED))}")
    yield page
    assert [url for url in requests if not url.startswith("blob:")] == []
    assert page.title() == "Shop"
    page.close()


def test_there_are_enough_attacks():
    assert len(set(ATTACKS)) >= 60


def test_no_attack_makes_anything_but_text_cut_at_every_character(renderer):
    assert renderer.evaluate(LOOK, ATTACKS) == []


def test_links_are_those_that_may_be(renderer):
    hrefs = renderer.evaluate(
        """(text) => {
          const root = document.createElement("div");
          window.render(root, text);
          return [...root.querySelectorAll("a")].map((one) => one.getAttribute("href"));
        }""",
        "[a](https://example.org/a?b=c) [b](mailto:a@example.org) https://example.org/bare. "
        "![c](https://example.org/c.png) [d](ftp://example.org) [e](javascript:1) [f](/g)",
    )
    assert hrefs == [
        "https://example.org/a?b=c",
        "mailto:a@example.org",
        "https://example.org/bare",
        "https://example.org/c.png",
    ]


def test_markdown_is_drawn(renderer):
    drawn = renderer.evaluate(
        """(text) => {
          const root = document.createElement("div");
          window.render(root, text);
          return root.innerHTML;
        }""",
        "# Title\n\nSome **bold**, *slanted*, ~~gone~~ and `code`.\nNext line\n\n- one\n- two\n"
        "  - inner\n\n3. three\n4. four\n\n> said\n\n```py\nx < 1\n```\n\n| a | b |\n|---|---|\n"
        "| 1 | 2 |\n\n---",
    )
    assert drawn == (
        "<h3>Title</h3><p>Some <strong>bold</strong>, <em>slanted</em>, <s>gone</s> and "
        "<code>code</code>.<br>Next line</p><ul><li>one</li><li>two<ul><li>inner</li></ul></li>"
        '</ul><ol start="3"><li>three</li><li>four</li></ol><blockquote><p>said</p></blockquote>'
        "<pre><code>x &lt; 1</code></pre><div><table><thead><tr><th>a</th><th>b</th></tr></thead>"
        "<tbody><tr><td>1</td><td>2</td></tr></tbody></table></div><hr>"
    )
