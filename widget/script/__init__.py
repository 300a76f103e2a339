"""The script that other websites load: one file, put together from the modules in this folder.

Nothing else is needed to serve it: no bundler, no file that is made beforehand. It is made once in
each process, and named by its own hash.
"""

import base64
import gzip
import hashlib
import json
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).resolve().parent
MODULES = ("markdown", "words", "transport", "parts", "earlier", "asking", "main")
IMPORT = re.compile(r"^import .*?;\n", re.MULTILINE)
EXPORT = re.compile(r"^export (?=function|async|class|const)", re.MULTILINE)
COMMENT = re.compile(r"^[ ]*/\*(?:[^*]|\*(?!/))*\*/\n|^[ ]*//[^\n]*\n", re.MULTILINE)
INDENT = re.compile(r"^[ ]+", re.MULTILINE)
CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
HASH_LENGTH = 12


class Script(NamedTuple):
    """The file, compressed as well, and what it is called by."""

    content: bytes
    compressed: bytes
    hash: str
    # As the attribute `integrity` takes it (W3C, Subresource Integrity).
    integrity: str


@cache
def script() -> Script:
    """Return the script as it is served."""
    sources = [_module(name) for name in MODULES]
    style = _style((FOLDER / "style.css").read_text(encoding="utf-8"))
    body = "\n".join(sources)
    text = (
        f'/* RESTai widget */\n(()=>{{"use strict";\n{body}\nbegin({json.dumps(style)});\n}})();\n'
    )
    content = text.encode()
    digest = hashlib.sha384(content).digest()
    return Script(
        content,
        gzip.compress(content, 9, mtime=0),
        hashlib.sha256(content).hexdigest()[:HASH_LENGTH],
        "sha384-" + base64.b64encode(digest).decode(),
    )


def _module(name: str) -> str:
    text = (FOLDER / f"{name}.js").read_text(encoding="utf-8")
    return INDENT.sub("", COMMENT.sub("", EXPORT.sub("", IMPORT.sub("", text))))


def _style(text: str) -> str:
    return re.sub(r"\s+", " ", CSS_COMMENT.sub("", text)).strip()
