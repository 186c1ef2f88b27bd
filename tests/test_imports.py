"""Knowledge flows one way, and the Python code knows no architecture: both are read off the source."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

import getspec

PACKAGE = Path(getspec.__file__).parent
FILES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
}

SPEC_LAYER = {"spec", "pipeline", "emit.schema", "imports"}
"""What knows the pydantic models at run time; `declare` and `expect` know their types only."""
EXECUTING = {"verify", "verify_cost", "measure", "build", "imports"}
"""What runs generated code or reads checkpoints with torch."""
COMMANDS = {
    "api",
    "build",
    "cli",
    "commands",
    "verify",
    "imports",
    "rename",
    "differences",
    "documents",
    "starter",
    "gallery",
}
"""What a user calls, above the compiler; `rename` writes a converter of checkpoints."""


def imports(path: Path, *, types: bool = False, lazy: bool = True) -> set[str]:
    """Modules that a file imports: those for types only are left out, and on request those within functions."""
    found: set[str] = set()

    def visit(node: ast.AST, inside: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test) and not types:
                continue
            if isinstance(child, ast.Import) and (lazy or not inside):
                found.update(alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom) and (lazy or not inside):
                module = child.module or ""
                found.add(module)
                found.update(f"{module}.{alias.name}" for alias in child.names)
            visit(child, inside or isinstance(child, ast.FunctionDef))

    visit(ast.parse(path.read_text(encoding="utf-8")), False)
    return found


def importers(module: str, **how: bool) -> set[str]:
    wanted = re.compile(rf"{re.escape(module)}(\..*)?")
    return {
        name
        for name, path in FILES.items()
        if any(wanted.fullmatch(m) for m in imports(path, **how))
    }


def registers(path: Path) -> bool:
    """Whether a file registers ops."""
    return re.search(r"^@(layer|function)\(", path.read_text(encoding="utf-8"), re.M) is not None


def test_errors_imports_nothing_of_ours() -> None:
    assert not [m for m in imports(FILES["errors"], types=True) if m.startswith("getspec")]


def test_only_the_spec_imports_pydantic() -> None:
    assert importers("pydantic", types=True) <= {"spec", "imports"}, (
        "the two formats that users write"
    )


def test_what_is_below_the_spec_does_not_import_it() -> None:
    assert importers("getspec.spec") <= SPEC_LAYER


def test_only_the_reader_and_the_printer_of_yaml_import_it() -> None:
    assert importers("yaml") <= {"source", "yaml_syntax", "emit.resolved"}


def test_only_emit_imports_templates() -> None:
    assert all(name.startswith("emit.") for name in importers("jinja2"))


def test_only_emit_knows_the_emitter() -> None:
    users = {name for name in importers("getspec.emit") if not name.startswith("emit")}
    assert users <= COMMANDS, "the compiler must work without knowing how code is written"


def test_nothing_but_what_is_executed_imports_torch() -> None:
    assert importers("torch") <= EXECUTING
    assert importers("torch", lazy=False) <= EXECUTING - {"build", "imports"}


def test_ops_know_sizes_and_nothing_above() -> None:
    allowed = ("getspec.ops", "getspec.sizes", "getspec.record")
    for name, path in FILES.items():
        if name == "ops" or name.startswith("ops."):
            ours = [m for m in imports(path, types=True) if m.startswith("getspec.")]
            assert all(m.startswith(allowed) for m in ours), name


@pytest.mark.parametrize("name", ["sizes", "codes", "record", "reserved"])
def test_modules_that_stand_alone(name: str) -> None:
    assert not [m for m in imports(FILES[name], types=True) if m.startswith("getspec")]


def test_passes_fold_over_the_ir_and_name_no_op() -> None:
    families = {name for name in FILES if name.startswith("ops.") and registers(FILES[name])}
    assert len(families) > 8, "the search for families finds them"
    for name, path in FILES.items():
        if name.startswith("passes."):
            assert not imports(path) & {f"getspec.{family}" for family in families}, name


EXECUTED = {"build", "passes.sweep", "record"}
"""The generated module; the loops of a sweep, which are written from polynomials and names of their own; and the
`__init__` of records, into which nothing goes but how many fields there are."""

STARTS = {"subprocess": {"revision"}}
"""`revision` asks git for a file that the user names on the command line."""


def test_nothing_is_evaluated_or_started() -> None:
    """A stranger's spec runs nothing: text is executed where it was written by us, and nowhere else."""
    for name, path in FILES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                called = node.func.id
                assert (
                    called not in {"eval", "__import__", "input", "compile", "exec"}
                    or name in EXECUTED
                )
    for module in (
        "subprocess",
        "pickle",
        "socket",
        "urllib.request",
        "http.client",
        "importlib.util",
        "shutil",
    ):
        assert importers(module) <= {"build"} | STARTS.get(module, set()), module


# What a command costs


def loaded(code: str) -> set[str]:
    """Top-level modules in memory after some code."""
    script = (
        f"{code}\nimport sys\nprint('\\n'.join({{name.partition('.')[0] for name in sys.modules}}))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(run.stdout.splitlines())


def ran(*arguments: str) -> set[str]:
    command = f"import sys\nfrom getspec.cli import main\nsys.stdout = sys.stderr\nmain({list(arguments)!r})"
    return loaded(f"{command}\nsys.stdout = sys.__stdout__")


HEAVY = {"pydantic", "yaml", "jinja2", "torch", "numpy"}
SPEC = str(
    Path(__file__).parent / "conformance" / "accepted" / "octal-and-hexadecimal" / "spec.yaml"
)


def test_the_package_costs_nothing() -> None:
    assert loaded("import getspec") & HEAVY == set()


@pytest.mark.parametrize(
    "arguments", [["--help"], ["count", "--help"], ["--version"], ["nonsense"]]
)
def test_help_needs_no_compiler(arguments: list[str]) -> None:
    assert ran(*arguments) & HEAVY == set()


@pytest.mark.parametrize("command", ["count", "check", "resolve"])
def test_counting_needs_no_torch_and_no_templates(command: str) -> None:
    assert ran(command, SPEC) & {"jinja2", "torch", "numpy"} == set()


def test_generating_needs_no_torch() -> None:
    assert ran("generate", SPEC, "--stdout") & {"torch", "numpy"} == set()


def test_counting_looks_for_no_plugins() -> None:
    assert "zipfile" not in ran("count", SPEC), "`importlib.metadata` was imported, which reads it"


def test_who_asks_pydantic_for_its_plugins_still_gets_an_answer() -> None:
    code = "from getspec.cli import main\nmain(['check', sys.argv[1]])\nfrom pydantic.plugin._loader import "
    for name in ("get_plugins", "PYDANTIC_ENTRY_POINT_GROUP"):
        subprocess.run([sys.executable, "-c", f"import sys\n{code}{name}", SPEC], check=True)


# No architecture


NAMES = """
    alexnet bert roberta deberta distilbert albert electra gpt gpt2 gptj gptneo llama mistral mixtral gemma qwen phi falcon
    opt bloom palm t5 bart pegasus vit deit swin beit dinov2 clip siglip dit unet vae vqvae mamba mamba2 rwkv retnet hyena
    whisper wav2vec hubert resnet resnext convnext efficientnet mobilenet densenet inception vgg enformer borzoi esm esm2
    esmfold alphafold evoformer evo nucleotide dnabert scgpt geneformer segformer mask2former detr yolo sam
    getregion getregionpretrain getregiondiffusion getregionfinetune mlpmixer perceiver flamingo llava deepseek
"""
WORDS = re.compile(rf"(?<![a-z0-9])({'|'.join(NAMES.split())})(?![a-z])", re.IGNORECASE)
ALLOWED = {"opt", "phi", "sam", "evo"}
"""Common words that are also models, where they are not written as a name."""


def spoken(path: Path) -> Iterator[tuple[int, str]]:
    """Names, strings and comments of a file, with their lines."""
    text = path.read_text(encoding="utf-8")
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        middle = getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)
        if token.type in (tokenize.NAME, tokenize.STRING, tokenize.COMMENT, middle):
            yield token.start[0], token.string


def named(text: str) -> list[str]:
    """Architectures in a piece of text; parts of snake_case and CamelCase names count as words."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text).replace("_", " ")
    found = [match[0] for match in WORDS.finditer(words)] + [m[0] for m in WORDS.finditer(text)]
    return [word for word in found if word.lower() not in ALLOWED or word.isupper()]


CONVENTIONS = {"cli": {"palm"}, "passes.conventions": {"palm"}}
"""Ways of counting that are called after the paper that defined them."""


@pytest.mark.parametrize("name", FILES)
def test_the_code_knows_no_architecture(name: str) -> None:
    called = CONVENTIONS.get(name, set())
    found = [
        (line, word)
        for line, text in spoken(FILES[name])
        for word in named(text)
        if word.lower() not in called
    ]
    assert found == [], "a new architecture is one YAML file, and Python learns nothing of it"


@pytest.mark.parametrize(
    "text",
    ["GPT2Attention", "build_llama", "# as in BERT", "'vit-b16'", "GETRegionPretrain", "is_t5"],
)
def test_the_search_finds_names_of_models(text: str) -> None:
    assert named(text) != [], "a search that finds nothing proves nothing"


def test_no_file_speaks_of_machines() -> None:
    for name, path in FILES.items():
        for line, text in spoken(path):
            assert not re.search(r"/(home|tmp|work|Users)/", text), f"{name}:{line}"
