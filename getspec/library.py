"""Where files that a spec names are found: beside the spec, then among the specs that getspec ships.

A spec may come from a stranger, so a name is a relative path that stays, links followed, inside the folder it is looked up
in. Absolute paths, `..`, pipes and devices are refused. Search paths from the environment were refused too: the same spec
would mean different things on different machines.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from getspec.errors import Diagnostic, GetspecError, Span, SpecError, meant
from getspec.source import Document, read, read_bytes

if TYPE_CHECKING:
    from getspec.declare import Definition

__all__ = ["Files", "in_text", "leads_out", "on_disk", "shipped"]

MAX_DEPTH = 16
UTF_8 = sys.getfilesystemencoding() == "utf-8"


def shipped() -> Path:
    """The folder of specs and blocks that comes with getspec."""
    inside = Path(__file__).resolve().parent / "specs"
    return inside if inside.is_dir() else inside.parent.parent / "specs"


class Files:
    """Reads the files of one compilation, each once, and keeps their lines for messages."""

    def __init__(self) -> None:
        self.documents: dict[Path, Document] = {}
        self.definitions: dict[Path, dict[str, Definition]] = {}
        """What libraries define. (Kept in their documents, which definitions lead back to, a model would never be freed.)"""
        self.lines: dict[str, list[str]] = {}

    def open(self, path: str, name: str | None = None) -> Document:
        """The spec that the user named: any path, or `-` for standard input."""
        shown = name or display(path)
        try:
            document = read(path, shown)
        except SpecError as error:
            self.lines.update({k: list(v) for k, v in error.sources.items()})
            raise
        self.lines[document.name] = document.lines
        return document

    def find(self, reference: str, origin: Path | None, span: Span) -> tuple[Path, Document]:
        """A file that a spec in the folder `origin` refers to."""
        wanted = PurePosixPath(on_disk(reference))
        if wanted.suffix not in (".yaml", ".yml"):
            wanted = wanted.with_name(f"{wanted.name}.yaml") if wanted.name else wanted
        if not wanted.name or wanted.is_absolute() or ".." in wanted.parts or "\\" in reference:
            shown = _shortened(reference)
            raise _refused(span, f"`{shown}` is not a relative path below the spec's folder")
        for root in self.roots(origin):
            path = root / wanted
            if not self.exists(path):
                continue
            real = self.real(path)
            if not real.is_relative_to(self.real(root)):
                raise _refused(span, f"`{reference}` leads out of the folder it is looked up in")
            if not self.is_file(real):
                raise _refused(span, f"`{reference}` is not a file")
            return real, self.load(real, path)
        raise self.missing(reference, wanted, origin, span)

    def exists(self, path: Path) -> bool:
        return os.path.exists(path)

    def real(self, path: Path) -> Path:
        """Where a path leads, links followed."""
        return Path(os.path.realpath(path))

    def is_file(self, path: Path) -> bool:
        return path.is_file()

    def load(self, real: Path, path: Path) -> Document:
        if real not in self.documents:
            document = self.open(str(path), display(str(path)))
            self.documents[real] = document
        return self.documents[real]

    def libraries(self, names: Iterable[str], origin: Path | None) -> list[str]:
        """A few libraries within reach that define these names, for suggestions."""
        homes: dict[str, set[str]] = {}
        for root in self.roots(origin):
            for path in _yaml_files(root):
                text = _start(path)
                if not re.search("^model:", text, re.MULTILINE):
                    defined = {name for name in names if f"\n  {name}:" in text}
                    homes.setdefault(path.relative_to(root).as_posix(), defined)
        chosen: list[str] = []
        wanted = set(names)
        while homes and (best := max(homes, key=lambda file: len(homes[file] & wanted))):
            if not homes[best] & wanted:
                break
            chosen.append(best)
            wanted -= homes[best]
        return chosen

    def roots(self, origin: Path | None) -> Iterator[Path]:
        if origin is not None:
            yield origin
        yield shipped()

    def missing(
        self, reference: str, wanted: PurePosixPath, origin: Path | None, span: Span
    ) -> SpecError:
        if any(os.path.lexists(root / wanted) for root in self.roots(origin)):
            return _refused(span, f"`{_shortened(reference)}` is a link that leads nowhere")
        whole = str(wanted) == reference
        known = [
            (path if whole else path.with_suffix("")).relative_to(root).as_posix()
            for root in self.roots(origin)
            for path in _yaml_files(root)
        ]
        help = meant(reference, known, "paths are relative to the spec's folder")
        message = f"there is no file `{_shortened(reference)}`"
        return SpecError([Diagnostic("GS309", message, span, help)])


def _refused(span: Span, message: str) -> SpecError:
    return SpecError([Diagnostic("GS309", message, span, "write e.g. `blocks/attention.yaml`")])


def _shortened(reference: str) -> str:
    return reference if len(reference) <= 80 else f"{reference[:80]}..."


def _yaml_files(root: Path) -> Iterable[Path]:
    """A bounded look around, for suggestions."""
    found: list[Path] = []
    for folder in (root, *sorted(p for p in root.glob("*") if p.is_dir())[:16]):
        found += sorted(folder.glob("*.yaml"))[:64]
    return found


def _start(path: Path) -> str:
    """What a file begins with, for a suggestion; nothing of one that cannot be read."""
    try:
        return read_bytes(str(path)).decode(errors="replace")[: 1 << 16]
    except GetspecError:
        return ""


def leads_out(path: str) -> bool:
    """Whether a path leads, links followed, out of the current folder and of what comes with getspec."""
    real = Path(os.path.realpath(path))
    return not any(real.is_relative_to(os.path.realpath(root)) for root in (Path.cwd(), shipped()))


def display(path: str) -> str:
    """A path as messages and headers show it: relative where it can be, with forward slashes."""
    if path == "-":
        return "<stdin>"
    full = Path(os.path.abspath(path))
    for root, prefix in ((Path.cwd(), ""), (shipped(), "specs")):
        try:
            return in_text(PurePosixPath(prefix, full.relative_to(root).as_posix()).as_posix())
        except ValueError:
            continue
    return in_text(full.name if os.path.isabs(path) else Path(path).as_posix())


def on_disk(name: str) -> str:
    """A name that stands in a file, as the system takes it: in a file, names are UTF-8 whatever the locale."""
    return name if UTF_8 else os.fsdecode(name.encode("utf-8", "surrogateescape"))


def in_text(path: str) -> str:
    """The other way: a path of the system as it is written into a file, in every locale with the same bytes."""
    return path if UTF_8 else os.fsencode(path).decode("utf-8", "surrogateescape")
