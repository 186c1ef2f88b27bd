"""Hostile text that comes to a command beside a spec: a config, a checkpoint, a gallery, a setting, the name of a file.

Whatever it says, the command answers in words that are quiet, with an exit status it promises, and what it writes has the
structure that a plain word gives.
"""

from __future__ import annotations

import copy
import json
import re
import struct
from pathlib import Path
from typing import Any

import pytest
from hostile.payloads import PAYLOADS, PLAIN
from hostile.sinks import is_quiet, skeleton

from getspec.cli import main

CONFIG = json.loads((Path(__file__).parent / "configs" / "gpt2-medium.json").read_text())
SPEC = """\
getspec: 1
model: One
config: {dim: 4, kind: tanh, label: a word, rate: 0.5}
inputs: {x: "float[B, dim]"}
components:
  fc: {type: linear, in_features: dim, out_features: dim}
forward: |
  return fc(x)
"""
GALLERY: dict[str, Any] = {
    "tables": [
        {
            "title": PLAIN,
            "source": PLAIN,
            "text": PLAIN,
            "value": "params",
            "unit": "parameters",
            "rows": [
                {"name": PLAIN, "spec": "one.yaml", "published": "20"},
                {
                    "name": PLAIN,
                    "spec": "one.yaml",
                    "published": "21",
                    "residue": "-1",
                    "because": PLAIN,
                },
            ],
        }
    ]
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.yaml").write_text(SPEC)
    return tmp_path


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """The status and the output of a command; neither stream drives a terminal."""
    status = main(words)
    out, err = capsys.readouterr()
    assert status in (0, 1, 2), f"{words}: {err}"
    assert is_quiet(err), err
    assert "Traceback" not in err
    assert is_quiet(out), out
    return status, out


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_config_to_import(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As every value, as every key, as one more key, and as the name of the model."""
    text = PAYLOADS[name]
    command = ("import", "--config", "config.json")
    _, plain = answer(capsys, "import", "--config", str(write(folder, CONFIG)))
    renamed = {text if key == "n_embd" else key: value for key, value in CONFIG.items()}
    for changed in (*({**CONFIG, key: text} for key in CONFIG), renamed, {**CONFIG, text: text}):
        write(folder, changed)
        status, out = answer(capsys, *command)
        if status == 0:
            found, expected = skeleton("yaml", out), skeleton("yaml", plain)
            del found["config"], expected["config"]  # a key that is not known sets nothing
            assert found == expected
    write(folder, CONFIG)
    assert answer(capsys, *command, "--model", text)[0] == 1


def write(folder: Path, config: dict[str, Any]) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    return path


@pytest.mark.parametrize("name", PAYLOADS)
@pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
def test_names_in_a_checkpoint(
    name: str, options: tuple[str, ...], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = PAYLOADS[name]
    weight = {"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 64]}
    bias = {"dtype": "F32", "shape": [4], "data_offsets": [64, 80]}
    headers = [
        {text: weight, "fc.bias": bias},
        {f"fc.{text}": weight, "fc.bias": bias},
        {"fc.weight": {**weight, "dtype": text}, "fc.bias": bias},
        {"fc.weight": weight, "fc.bias": bias, "__metadata__": {text: text}},
        {"fc.weight": weight, "fc.bias": {**bias, text: text}},
    ]
    for header in headers:
        raw = json.dumps(header).encode()
        (folder / "one.safetensors").write_bytes(struct.pack("<Q", len(raw)) + raw + bytes(80))
        status, out = answer(capsys, "verify", "one.yaml", "--against", "one.safetensors", *options)
        assert status in ((0,) if "__metadata__" in header else (1, 2)), header
        if options and out:
            json.loads(out)


@pytest.mark.parametrize("name", PAYLOADS)
def test_names_in_the_index_of_a_checkpoint(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = PAYLOADS[name]
    for files in ({"fc.weight": text}, {text: "one.safetensors"}, {"fc.weight": f"../{text}"}):
        index = folder / "model.safetensors.index.json"
        index.write_text(json.dumps({"metadata": {text: text}, "weight_map": files}))
        assert answer(capsys, "verify", "one.yaml", "--against", str(index))[0] in (1, 2)


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_gallery(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = PAYLOADS[name]
    page = folder / "gallery.yaml"
    page.write_text(json.dumps(GALLERY))
    status, plain = answer(capsys, "gallery", "gallery.yaml")
    assert status == 0
    table = GALLERY["tables"][0]
    rows = [(("rows", number, key)) for number, row in enumerate(table["rows"]) for key in row]
    for place in (*((key,) for key in table if key != "rows"), *rows):
        made = copy.deepcopy(GALLERY)
        at = made["tables"][0]
        for part in place[:-1]:
            at = at[part]
        at[place[-1]] = text
        page.write_text(json.dumps(made))
        status, out = answer(capsys, "gallery", "gallery.yaml")
        if status == 0:
            assert skeleton("markdown", out) == skeleton("markdown", plain), f"{place}: {text!r}"


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_setting(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = PAYLOADS[name].replace("\0", "")
    for setting in (
        f"label={text}",
        f"dim={text}",
        f"kind={text}",
        f"{text}=1",
        f"components.fc.doc={text}",
        text,
    ):
        for command in ("check", "count", "resolve", "generate"):
            options = ("--stdout",) if command == "generate" else ()
            status, out = answer(capsys, command, "one.yaml", "--set", setting, *options)
            if status == 0 and command == "resolve":
                answer_again(capsys, out)
            if status == 0 and command == "generate":
                _, plain = answer(capsys, command, "one.yaml", *options)
                assert re.search(r"^class One\(", out, flags=re.MULTILINE)
                assert skeleton("python", out).count("ClassDef(") == skeleton(
                    "python", plain
                ).count("ClassDef(")


def answer_again(capsys: pytest.CaptureFixture[str], out: str) -> None:
    """What `resolve` prints is a spec."""
    Path("again.yaml").write_text(out, encoding="utf-8")
    assert answer(capsys, "check", "again.yaml")[0] == 0


@pytest.mark.parametrize("name", PAYLOADS)
def test_the_name_of_a_file(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stem = PAYLOADS[name].replace("/", "_").replace("\0", "")
    for each in ("two", stem):
        (folder / f"{each}.yaml").write_text(SPEC)
    path = f"./{stem}.yaml"
    for command, kind in (
        ("check", "text"),
        ("check --json", "json"),
        ("check --output-format github", "github"),
        ("check --output-format sarif", "json"),
        ("count --json", "json"),
        ("cost --markdown", "markdown"),
        ("generate --stdout", "python"),
        ("report --output -", "html"),
        ("diff one.yaml --format markdown", "markdown"),
        ("explain", "text"),
    ):
        first, *options = command.split(" ")
        plain = answer(capsys, first, "two.yaml", *options)
        found = answer(capsys, first, path, *options)
        assert found[0] == plain[0], command
        shown = [skeleton(kind, each[1]) for each in (found, plain)]
        if kind == "github":
            shown = [[re.sub("file=[^,]*", "file", line) for line in each] for each in shown]
        assert shown[0] == shown[1], command
