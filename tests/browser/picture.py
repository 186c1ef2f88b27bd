"""docs/report.png: what a report looks like, for README.md.

    python tests/browser/picture.py [--check]

`--check` only sees that it can be made: fonts differ between machines, and so do their pictures.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

from getspec.cli import main as getspec

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs" / "report.png"
SPEC = ROOT / "specs" / "zoo" / "gpt2.yaml"
LARGEST = 150 * 1024


def taken() -> bytes:
    """The head of a report and its drawing, without what stands between them."""
    chromium = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    )
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        target = Path(folder) / "report.html"
        assert getspec(["report", str(SPEC), "--shape", "B=1,N=1024", "-o", str(target)]) == 0
        options = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=chromium, args=options)
        page = browser.new_page(
            viewport={"width": 1120, "height": 1270}, color_scheme="light", bypass_csp=True
        )
        page.goto(target.as_uri())
        page.add_style_tag(content="h2 { margin-top: 1.6rem !important } #why { display: none }")
        picture = page.screenshot()
        browser.close()
    return picture


def main() -> int:
    picture = taken()
    assert len(picture) < LARGEST, len(picture)
    if "--check" not in sys.argv[1:]:
        PICTURE.write_bytes(picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
