"""Options and fixtures of the test suite."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "getspec",
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=False,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-conformance",
        action="store_true",
        help="write what the conformance cases give as what is expected, to be read in the diff",
    )
    parser.addoption(
        "--examples",
        type=int,
        default=1600,
        help="how many random specs the main property draws; the others draw a share of it",
    )
    parser.addoption(
        "--seed",
        type=int,
        default=0,
        help="the first of the seeds of the main property, one for each spec",
    )
    parser.addoption(
        "--records",
        type=Path,
        help="a folder that keeps what each chunk of the main property found; what is there is not run again",
    )
    parser.addoption(
        "--whole",
        action="store_true",
        help="nothing left out: every committed spec, ten hash seeds, each hostile text in each place",
    )
    parser.addoption(
        "--device",
        default="auto",
        choices=["auto", "cpu", "cuda"],
        help="where models run; auto takes CUDA where there is one",
    )


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("getspec")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--whole"):
        share = [item for item in items if item.get_closest_marker("everywhere")]
        config.hook.pytest_deselected(items=share)
        items[:] = [item for item in items if item not in share]


LONGEST_CHUNK = 1000
HASH_SEEDS = (1, 4294967295, *range(2, 10))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Seeds in chunks, so that all cores share them and a run that is cut off keeps what is done."""
    if "hash_seed" in metafunc.fixturenames:
        whole = metafunc.config.getoption("--whole")
        metafunc.parametrize("hash_seed", HASH_SEEDS[: None if whole else 2])
    if "seeds" in metafunc.fixturenames:
        examples, first = (metafunc.config.getoption(name) for name in ("--examples", "--seed"))
        size = min(max(examples // 8, 1), LONGEST_CHUNK)
        end = first + examples
        chunks = [range(at, min(at + size, end)) for at in range(first, end, size)]
        metafunc.parametrize("seeds", chunks, ids=[f"{c.start}-{c.stop - 1}" for c in chunks])


@pytest.fixture(scope="session")
def records(request: pytest.FixtureRequest) -> Path | None:
    """Where chunks are recorded, if anywhere."""
    folder: Path | None = request.config.getoption("--records")
    return None if folder is None else folder.resolve()


@pytest.fixture(scope="session")
def examples(request: pytest.FixtureRequest) -> int:
    """How many random specs the main property draws."""
    return int(request.config.getoption("--examples"))


@pytest.fixture(scope="session")
def whole(request: pytest.FixtureRequest) -> bool:
    """Whether nothing is left out."""
    return bool(request.config.getoption("--whole"))


@pytest.fixture(scope="session")
def device(request: pytest.FixtureRequest) -> str:
    """Where models run."""
    import torch

    from getspec.verify import choose_device

    torch.set_num_threads(1)
    return choose_device(request.config.getoption("--device")).type


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the current one, so that no path of a machine gets into a file."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
