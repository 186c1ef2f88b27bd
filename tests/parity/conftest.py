"""Options and the report of the parity tests."""

from __future__ import annotations

from importlib.metadata import version

import pytest
import torch

try:
    import torchvision
except RuntimeError:
    # A wheel that is built for CUDA does not load its operators beside a CPU build of torch. It asks for two of them when
    # it is imported; no model here calls them, so that their names are enough.
    OPERATORS = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        OPERATORS.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision  # noqa: F401

LIBRARIES = ("torch", "transformers", "diffusers", "timm", "torchvision", "enformer-pytorch")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--configurations", type=int, default=10, help="how many of each architecture are drawn"
    )


@pytest.fixture(scope="session")
def configurations(request: pytest.FixtureRequest) -> int:
    return request.config.getoption("--configurations")


def pytest_report_header() -> str:
    return "parity with " + ", ".join(f"{name} {version(name)}" for name in LIBRARIES)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A line for each architecture: how many configurations, and how far apart at worst."""
    reports = terminalreporter.stats.get("passed", [])
    found = [(r, row) for r in reports for key, row in r.user_properties if key == "parity"]
    if found:
        terminalreporter.section("parity")
        columns = ("float32 output", "float32 gradient", "float64 output", "float64 gradient")
        head = "".join(f"{column:>18}" for column in columns)
        terminalreporter.write_line(f"{'':36}{'drawn':>6}{head}{'seconds':>9}")
    for report, row in sorted(found, key=lambda pair: pair[0].nodeid):
        name = report.nodeid.partition("[")[2].rstrip("]")
        worst = "".join(f"{row[column]:>18.1e}" for column in columns)
        terminalreporter.write_line(
            f"{name:36}{row['configurations']:>6}{worst}{report.duration:>9.1f}"
        )
