"""How a page carries its scripts and its data: packed together, and unpacked by the browser, so that the file stays small.

What is packed is compressed by gzip without a clock, the same page is the same bytes, and written four bytes in five characters (RFC 1924's
base 85, a twentieth less than base 64, but with no character that means something in HTML). The content policy names every script by its
digest, the unpacked ones as well, so that nothing else may run. Loads no torch.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final, NamedTuple

from markupsafe import Markup

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; media-src data:; font-src data:; script-src {}"
BOOT: Final = "scripts/unpack.js"
IN_HTML: Final = bytes.maketrans(b"<>&`", b",.:/")  # of base 85; `scripts/unpack.js` has the whole alphabet
FROM_HTML: Final = bytes.maketrans(b",.:/", b"<>&`")


class PackedPage(NamedTuple):
    """What a page's template takes: its policy, and the elements that end its body."""

    policy: str
    elements: Markup


def own(name: str) -> str:
    """A file of the report, as text."""
    return files("robustness.report").joinpath(name).read_text(encoding="utf-8").strip("\n")


def packed_page(scripts: Sequence[str], data: Any) -> PackedPage:
    """Scripts and data, packed.

    Args:
        scripts: run in this order, once the data are there.
        data: in plain values, without NaN; scripts find them as JSON in the element `data`.
    """
    boot = own(BOOT)
    text = json.dumps({"data": embedded(data), "scripts": list(scripts)}, ensure_ascii=False, separators=(",", ":"))
    content = base64.b85encode(gzip.compress(text.encode(), compresslevel=9, mtime=0)).translate(IN_HTML).decode()
    elements = Markup('<script type="application/gzip" id="packed">{}</script>\n<script>{}</script>').format(content, Markup(boot))
    return PackedPage(POLICY.format(" ".join(map(digest, [boot, *scripts]))), elements)


def unpacked(page: str) -> dict[str, Any]:
    """The scripts and data of a page, from its text: `data` as values, `scripts` as texts."""
    content = page.partition('id="packed">')[2].partition("<")[0]
    found = json.loads(gzip.decompress(base64.b85decode(content.encode().translate(FROM_HTML))))
    return {"data": json.loads(found["data"]), "scripts": found["scripts"]}


def embedded(data: Any) -> str:
    """JSON in one order and one spelling."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)


def digest(script: str) -> str:
    """A script as the content policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
