"""Hostile text, and where it can be put.

`payloads` is the text; `places` finds every place of a spec that holds text, and every field that could; `sinks` lists
everything that getspec writes or prints, each with a check that text in it stayed text; `audit` watches what a run does to the
machine.

A new payload, field or output is covered by an entry in one of them; fields come from the pydantic models by themselves.
"""
