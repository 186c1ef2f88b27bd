"""Long lines: broken as the formatter would break them."""

from __future__ import annotations

from pathlib import Path

import pytest
from canonical import assert_canonical

from getspec.emit.layout import WIDTH, fit

DEEP = "torch.where(tokens > 0, ((-(F.relu(tokens) * int(2.5) - float(1) + 1)) ** 2) ** 2, tokens)"
TERM = "0.5 * -(((F.relu(-(x + 1)) / (x + 2)) ** 2 * int(2.5) - float(1)) ** 2) + round(1.4)"
"""With a sign, brackets and a comma, one column too long."""
NAMES = "skip, _, gate2, _, hidden, gate3, module3, scale2, scores5, module4, block3, block4"


@pytest.mark.parametrize(
    "line",
    [
        f"x = torch.where(x > 0, {DEEP}.softmax(-1).softmax(-1), x)",
        f"x = ({DEEP}.softmax(-1).softmax(-1).softmax(-1) + tokens) * 2.0",
        f"{NAMES} = block2.unbind(2)",
        f"{NAMES} = other.unbind(2222)",
        f"x = torch.where(x > 0, x - ({TERM}), x)",
    ],
    ids=["chain in a call", "chain in a sum", "many names", "names that fit", "last operand"],
)
def test_a_formatter_leaves_it_alone(line: str, tmp_path: Path) -> None:
    assert len(line) > WIDTH - 8
    for indent in (4, 8):
        head = ["def f():"] if indent == 4 else ["def f():", "    if True:"]
        lines = [*head, *fit(line, indent)]
        assert max(map(len, lines)) <= WIDTH
        assert_canonical({"lines.py": "\n".join([*lines, ""])}, tmp_path, linted=False)
