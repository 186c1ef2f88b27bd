"""`explain PATH`: where a number comes from, in the words of the spec."""

from __future__ import annotations

from typing import Any

import pytest
from committed import MODELS, NAMES, ROOT

from getspec.api import load
from getspec.emit.explain import place, place_text
from getspec.errors import UsageError
from getspec.passes.count import locate

DIFFUSION = ROOT / "specs" / "diffusion.yaml"


def explained(path: str, spec: str = "diffusion") -> dict[str, Any]:
    return place(load(ROOT / "specs" / f"{spec}.yaml"), path, f"generated/{spec}.py")


def test_a_tensor_with_the_names_of_its_block_and_of_the_config() -> None:
    page = place_text(explained("encoder.blocks.3.attn.qkv.weight"))
    assert "shape       3*dim x dim" in page
    assert "where dim = embed_dim = 768" in page
    assert "elements    2304 x 768 = 1,769,472" in page
    assert "formula     3*embed_dim**2" in page


def test_the_lines_that_made_it() -> None:
    found = explained("encoder.blocks.3.attn.qkv.weight")
    assert found["spec"]["place"].startswith("specs/blocks/transformer.yaml:")
    assert found["spec"]["text"].startswith("qkv: {type: linear")
    made, used = found["generated"]
    assert made["text"] == "self.qkv = nn.Linear(dim, 3 * dim)"
    assert used["text"].startswith("q, k, v = self.qkv(x)")
    line = int(made["place"].rpartition(":")[2])
    text = load(DIFFUSION).generate().splitlines()
    assert text[line - 1].strip() == made["text"], "the line is where it says"


def test_a_module_is_the_sum_of_its_parts() -> None:
    found = explained("encoder.blocks.*")
    assert sum(part["params"] for part in found["parts"]) == found["params"] == 10_628_352
    assert (found["repeat"], found["total"]) == (12, 127_540_224)
    assert "copies      12, 127,540,224 in all" in place_text(found)


def test_a_tied_tensor_says_where_it_counts() -> None:
    found = explained("lm_head.weight", "zoo/gpt2")
    assert (found["params"], found["elements"]) == (0, 50257 * 768)
    assert "tied        is transformer.wte.weight, and counts there" in place_text(found)


def test_an_own_parameter_leads_to_its_own_line() -> None:
    found = explained("cls_token")
    assert found["spec"]["text"].startswith("cls_token: {type: parameter")


def test_a_path_that_is_not_there_has_a_neighbour() -> None:
    with pytest.raises(UsageError, match=r"there is no `encoder\.blocks\.12`") as caught:
        explained("encoder.blocks.12")
    assert caught.value.help == "did you mean `encoder.blocks.1`?"


@pytest.mark.parametrize("path", MODELS, ids=NAMES)
def test_lines_stay_below_100_columns(path: Any) -> None:
    spec = load(path)
    rows = [row.path for row in spec.count().rows if locate(spec.model.root, row.path)]
    for each in (".", *rows[:: max(len(rows) // 6, 1)]):
        page = place_text(place(spec, each))
        assert max(map(len, page.splitlines())) < 100, each
