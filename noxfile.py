"""Every task of the project. `nox` alone runs lint, types, tests and verify; `nox -l` lists all.

Versions live in pyproject.toml, in the dependency groups. Torch is installed by a pip call of its
own, before anything that depends on it: the exact version is then already there, so that no range
elsewhere can pull another build in.
"""

from __future__ import annotations

import argparse
import os
import shutil

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "tests", "verify"]

PYPROJECT = nox.project.load_toml("pyproject.toml")
GENERATE = ("python", "-m", "getspec", "generate", "specs", "--output", "generated")
SCHEMA = ("python", "-m", "getspec", "schema", "--output", "specs/getspec.schema.json")
DOCUMENTS = ("python", "-m", "getspec", "docs", "docs", "README.md")
PYTEST = ("python", "-m", "pytest", "-n", "auto")


def group(name: str) -> tuple[str, ...]:
    """The requirements of a dependency group."""
    return nox.project.dependency_groups(PYPROJECT, name)


@nox.session
def generate(session: nox.Session) -> None:
    """Compile specs/ into generated/, write the schema and fill the documents; takes the options of `getspec generate`."""
    session.install("--editable", ".")
    check = [option for option in session.posargs if option == "--check"]
    session.run(*GENERATE, *session.posargs)
    session.run(*SCHEMA, *check)
    session.run(*DOCUMENTS, *check)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting, generated code included."""
    session.install(*group("lint"))
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Check types."""
    session.install("--editable", ".", *group("types"))
    session.run("mypy", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Test the core, in an environment without torch; takes the options of pytest."""
    session.install("--editable", ".", *group("tests"))
    session.run(*PYTEST, "-m", "not torch", *session.posargs)


@nox.session
def verify(session: nox.Session) -> None:
    """Prove every number: takes `--examples N`, `--device auto|cpu|cuda` and options of pytest."""
    session.install(*group("torch"))
    session.install("--editable", ".[torch]", *group("tests"))
    options, rest = verify_options(session.posargs)
    device = ("--device", options.device)
    examples = ("--examples", options.examples) if options.examples else ()
    one_thread = {"OMP_NUM_THREADS": "1"}  # the tests already run on every core
    session.run(*PYTEST, *device, *examples, *rest, env=one_thread)
    session.run("python", "-m", "getspec", "verify", "specs", *device)
    session.run(*GENERATE, "--check")


def verify_options(posargs: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """What verify itself understands, and the rest."""
    parser = argparse.ArgumentParser(prog="nox -s verify --", add_help=False, allow_abbrev=False)
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--examples")
    return parser.parse_known_args(posargs)


@nox.session(default=False)
def formulas(session: nox.Session) -> None:
    """Hold the closed forms of every spec against its counts, at 1,000 legal configs each."""
    session.install("--editable", ".", *group("tests"))
    wanted = ("tests/passes/test_formula.py", "-k", "random_configs", "-rP")
    session.run(*PYTEST, *wanted, "--examples", "160000", *session.posargs)


@nox.session(default=False)
def parity(session: nox.Session) -> None:
    """Compare the zoo with the libraries that define it; takes `--configurations N` and options of pytest."""
    session.install(*group("torch"))
    session.install("--no-deps", *group("torchvision"))
    session.install("--editable", ".[torch]", *group("parity"))
    # Warnings of the libraries are not ours to mend.
    session.run(
        *PYTEST, "-W", "default", "tests/parity", *session.posargs, env={"OMP_NUM_THREADS": "1"}
    )


@nox.session(default=False)
def reproduce(session: nox.Session) -> None:
    """Compare the bytes of every output: hash seeds, Pythons, locales, folders, with and without libyaml."""
    session.install("--editable", ".", *group("tests"))
    session.run(*PYTEST, "tests/test_determinism.py", "--whole", *session.posargs)


@nox.session(default=False, python="3.11")
def bounds(session: nox.Session) -> None:
    """Test the core with exactly the lowest versions that pyproject.toml allows."""
    lowest = [bound.replace(">=", "==") for bound in PYPROJECT["project"]["dependencies"]]
    session.install("--editable", ".", *group("tests"), *lowest)
    session.run(*PYTEST, "-m", "not torch", *session.posargs)


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Fuzz the loader, the parsers and the compiler; takes the options of fuzz/run.py, e.g. `--minutes N`."""
    session.install("--editable", ".", *group("fuzz"))
    session.run("python", "fuzz/run.py", *session.posargs)


@nox.session(default=False)
def faults(session: nox.Session) -> None:
    """A fault at every system call that writes, and signals and folders at their worst; each hostile text in each place."""
    missing = [name for name in ("strace", "faketime") if not shutil.which(name)]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        for words in (("update",), ("install", "--yes", "--no-install-recommends", *missing)):
            session.run("apt-get", *words, external=True, success_codes=range(256))
    for name in missing:
        if not shutil.which(name):
            session.warn(
                f"there is no {name}, and what needs it is skipped: apt-get install {name}"
            )
    session.install("--editable", ".", *group("tests"))
    codes = (0, 5) if session.posargs else (0,)  # `-k` may leave one of the two with nothing to do
    for words in (
        (*PYTEST[:-2], "-s", "tests/faults"),
        (*PYTEST, "--whole", "tests/test_injection.py"),
    ):
        session.run(*words, *session.posargs, success_codes=codes)


@nox.session(default=False)
def mutate(session: nox.Session) -> None:
    """Test the tests with mutants; takes the options of tests/mutation/run.py, e.g. `--files FILE` or `--all`."""
    session.install("--editable", ".", *group("mutate"))
    session.run("python", "-m", "pytest", "tests/mutation")
    session.run("python", "tests/mutation/run.py", *session.posargs)


@nox.session(default=False)
def browser(session: nox.Session) -> None:
    """Test the pages of `report` in headless Chromium, which is the system's own; takes options of pytest."""
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            session.error("there is no Chromium: apt-get install chromium")
        for words in (("update",), ("install", "--yes", "--no-install-recommends", "chromium")):
            session.run("apt-get", *words, external=True)
    session.install("--editable", ".", *group("browser"))
    session.run("python", "-m", "pytest", "tests/browser", *session.posargs)
    session.run("python", "tests/browser/picture.py", "--check")


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure getspec against `import torch`; takes the options of bench/run.py."""
    session.install(*group("torch"))
    session.install("--editable", ".[torch]")
    session.run("python", "bench/run.py", *session.posargs)
    session.run("python", "bench/mutations.py")


@nox.session(default=False)
def mutations(session: nox.Session) -> None:
    """Count diagnostics on slips in the committed specs; takes `--number N --seed N --list`."""
    session.install("--editable", ".")
    session.run("python", "bench/mutations.py", *session.posargs)


@nox.session(default=False)
def build(session: nox.Session) -> None:
    """Build the sdist, and the wheel from it, into dist/."""
    shutil.rmtree("dist", ignore_errors=True)
    session.install("build")
    session.run("python", "-m", "build", *session.posargs)
