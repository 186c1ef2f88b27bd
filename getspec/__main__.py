"""`python -m getspec` is the same program as `getspec`."""

from __future__ import annotations

import sys

from getspec.cli import main

if __name__ == "__main__":
    sys.exit(main())
