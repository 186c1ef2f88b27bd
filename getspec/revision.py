"""Specs as they were in a commit: `HEAD~1:specs/a.yaml`, with every file that they use as it was then.

git is asked for whole objects by their names; nothing is checked out, and no filter, hook or text conversion of a repository
runs. What lies outside the repository, as the blocks that come with an installed getspec, is read from the disk.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from getspec.errors import UsageError
from getspec.library import Files
from getspec.source import Document, parse

__all__ = ["CommittedFiles", "committed", "is_revision"]


def is_revision(argument: str) -> bool:
    """Whether an argument is `revision:path`; a file with such a name comes first."""
    return ":" in argument and not os.path.exists(argument)


def committed(argument: str) -> tuple[str, CommittedFiles]:
    """The path of `revision:path` in the working tree, and the files of that revision."""
    revision, _, path = argument.partition(":")
    top = Path(os.path.realpath(_git(Path.cwd(), "rev-parse", "--show-toplevel").decode().strip()))
    whole = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    try:
        commit = _git(top, *whole).decode().strip()
    except UsageError:
        raise UsageError(
            f"git knows no revision `{revision}`", "e.g. HEAD~1:specs/a.yaml"
        ) from None
    base = Path.cwd() if path.startswith(("./", "../")) else top
    files = CommittedFiles(top, revision, commit)
    real = os.path.normpath(base / path)
    if not files.exists(Path(real)):
        raise UsageError(f"`{revision}` has no file `{path}`", "paths are those of the repository")
    return real, files


class CommittedFiles(Files):
    """The files of one commit, seen at their places in the working tree."""

    def __init__(self, top: Path, revision: str, commit: str) -> None:
        super().__init__()
        self.top, self.revision, self.commit = top, revision, commit
        listed = _git(top, "ls-tree", "-r", "-z", "--full-tree", commit).decode(errors="replace")
        entries = [entry.split("\t", 1) for entry in listed.split("\0") if entry]
        # A link may lead anywhere, and is not followed.
        self.paths = {path for facts, path in entries if facts[:6] in ("100644", "100755")}

    def inside(self, path: Path) -> str | None:
        """The path within the repository, where it is in it."""
        full = Path(os.path.abspath(path))
        if not full.is_relative_to(self.top):
            full = Path(os.path.realpath(full.parent), full.name)
        return full.relative_to(self.top).as_posix() if full.is_relative_to(self.top) else None

    def real(self, path: Path) -> Path:
        """Links of the working tree are not those of the commit."""
        inside = self.inside(path)
        return super().real(path) if inside is None else self.top / inside

    def exists(self, path: Path) -> bool:
        inside = self.inside(path)
        return super().exists(path) if inside is None else inside in self.paths

    def is_file(self, path: Path) -> bool:
        return super().is_file(path) if self.inside(path) is None else self.exists(path)

    def open(self, path: str, name: str | None = None) -> Document:
        inside = self.inside(Path(path))
        if inside is None:
            return super().open(path, name)
        shown = f"{self.revision}:{inside}"
        content = _git(self.top, "cat-file", "blob", f"{self.commit}:{inside}")
        document = parse(content, shown)
        self.lines[shown] = document.lines
        return document


def _git(folder: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)
    except OSError as error:
        raise UsageError("git cannot be run", "a revision needs git") from error
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise UsageError(f"git: {lines[-1] if lines else 'it failed'}")
    return done.stdout
