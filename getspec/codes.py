"""The catalogue: what every diagnostic code means and what to do about it.

`getspec explain CODE` prints an entry, and the documentation is made from it. The text lives apart
from `errors`, which every command imports, and apart from the places that raise a code, because a
code is a promise to readers: it keeps its meaning when the check behind it moves.

An entry is a title and an explanation: the cause, then what to do.
"""

from __future__ import annotations

__all__ = ["CODES", "FAMILIES", "REMEDIES"]

FAMILIES = {
    "0": "Reading YAML",
    "1": "Schema",
    "2": "Names, expressions, config",
    "3": "Structure",
    "4": "Dataflow and shapes",
    "5": "Expectations",
    "6": "Output files",
    "7": "Checkpoints",
}
"""By the first digit of a code."""

Entry = tuple[str, str]

READING: dict[str, Entry] = {
    "GS001": (
        "not UTF-8",
        "A spec is UTF-8 text, and this file has bytes that are not. The message gives the "
        "offset of the first one. Save the file as UTF-8, in most editors under 'Save with "
        "encoding'.",
    ),
    "GS002": (
        "forbidden character",
        "Control characters, Unicode line separators, byte-order marks inside the text and "
        "marks that change the direction of writing are refused, because what an editor shows "
        "would differ from what is read. Delete the character.",
    ),
    "GS003": (
        "tab",
        "YAML parsers disagree about tabs, so a spec has none at all, comments included. Indent "
        "with spaces; inside a string write `\\t` between double quotes.",
    ),
    "GS004": (
        "file too large",
        "A spec is at most 1 MiB. Move repeated structure into a block with `repeat`, or into "
        "files named under `use`.",
    ),
    "GS005": (
        "value too long",
        "One string is at most 65,536 characters. A `forward` that long wants to be several "
        "blocks.",
    ),
    "GS006": (
        "nested too deep",
        "Mappings and lists are nested at most 64 levels deep. Give the inner part a name as a "
        "block and refer to it.",
    ),
    "GS007": (
        "too many values",
        "A file has at most 30,000 keys, values and list items. Write what repeats once, with "
        "`repeat`.",
    ),
    "GS010": (
        "not valid YAML",
        "The text breaks a rule of YAML at this place: mostly a missing quote, a missing "
        "bracket, or a line whose indentation matches no line above. Fix the first such error "
        "first; what follows it is often not an error.",
    ),
    "GS011": (
        "empty spec",
        "The file has no content, or only comments. Start it with `getspec: 1` and `model: Name`.",
    ),
    "GS012": (
        "not a mapping",
        "A spec is a mapping: lines of `key: value`. This file holds a list or a single value. "
        "Start it with `getspec: 1`.",
    ),
    "GS013": (
        "several documents",
        "A file holds one spec, and a line `---` or `...` starts another document. Split the "
        "file, or delete the line.",
    ),
    "GS014": (
        "YAML directive",
        "The only directive understood is `%YAML 1.2`, which is the default. Other versions "
        "read numbers and booleans differently, and tag directives have no use here. Delete the "
        "line.",
    ),
    "GS015": (
        "not one value",
        "A value on the command line is one YAML value on one line: a number, a word, a quoted "
        "string, `[a, b]` or `{a: 1}`. Write mappings with braces, and `null` for no value.",
    ),
    "GS020": (
        "duplicate key",
        "A mapping has the same key twice, and most YAML readers would silently keep the last "
        "one. Delete or rename one.",
    ),
    "GS021": (
        "key is not text",
        "Keys are names. A bare number, `true`, `null`, a list or a mapping is none. Put quotes "
        "around a key that only looks like a number.",
    ),
    "GS022": (
        "anchor or alias",
        "`&name` and `*name` are refused: a few lines of them can expand to gigabytes, and "
        "copies hide where a value comes from. Use a config value, a block, or `extends`.",
    ),
    "GS023": (
        "merge key",
        "`<<` is refused, as its order of precedence surprises people and YAML 1.2 dropped it. "
        "Use `extends`.",
    ),
    "GS024": (
        "tag",
        "`!tag` asks a YAML reader to build an object, and a spec holds data only. Delete the "
        "tag; quote a number that is meant as text. A value that starts with `!` needs quotes.",
    ),
    "GS025": (
        "bad escape",
        "A double-quoted string has an escape that YAML does not know, or one that makes a "
        "character no spec may hold: a control character other than `\\n` and `\\t`, half of a "
        "surrogate pair, a direction mark. Use single quotes for text with backslashes.",
    ),
    "GS030": (
        "leading zero",
        "YAML 1.1 reads `017` as 15 and YAML 1.2 as 17. Write the decimal number without zeros, "
        "`0o17` for octal, or quotes for text.",
    ),
    "GS031": (
        "integer too long",
        "Integers have at most 19 digits; no size in an architecture needs more. Check for a "
        "slip of the keyboard, or quote it if it is text.",
    ),
    "GS032": (
        "not a finite number",
        "Infinity and NaN are no sizes, rates or constants. Write the number that is meant; a "
        "mask value is an expression, not a constant. Quote it if it is text.",
    ),
    "GS090": (
        "cannot read the file",
        "The file is missing, may not be read, or is not a regular file: directories, pipes and "
        "devices are refused, as reading them may never end. Use `-` to read a spec from "
        "standard input.",
    ),
}

SCHEMA: dict[str, Entry] = {
    "GS101": (
        "unknown key",
        "A mapping has a key that nothing here reads, mostly a slip of the keyboard. The "
        "message lists what is read at this place, or the nearest of it. What a layer takes "
        "is listed by `getspec schema --ops`; what a block takes stands under its `params`. "
        "In `tiny`, a key is a config entry or a run-time size of an input.",
    ),
    "GS102": (
        "missing key",
        "A key without a default is not there. Add it with its value: every file needs "
        "`getspec: 1`, every component a `type`, a layer its sizes, a block the settings that "
        "are declared as a kind (`dim: int`), a parameter its `shape` and `init`, a claim its "
        "`source`.",
    ),
    "GS103": (
        "wrong kind of value",
        "A word stands where a mapping is expected, a list where one value is, or the like. "
        "The message names both. YAML 1.2 has only `true` and `false` as truth values: `on`, "
        "`off`, `yes` and `no` are words. Tensor types are a dtype and axes: `float[B, N, "
        "dim]`.",
    ),
    "GS104": (
        "name that cannot be used",
        "Names of a spec become Python names and segments of the state dict. They are ASCII "
        "letters, digits and `_`, at most 64 characters, and no keyword, no attribute of "
        "`torch.nn.Module` (`training`, `half`), nothing that the generated file itself uses "
        "(`torch`, `F`). Models and blocks start with a capital, settings with a small "
        "letter. Rename it.",
    ),
    "GS105": (
        "not a model",
        "The file has no `model`, so it is a library: it can be used by a spec, and has "
        "nothing to count or compile. Name a spec, or add `model: Name` and a `forward`.",
    ),
    "GS106": (
        "version of the language",
        "A file states the version of the language it is written in, and this getspec reads "
        "version 1. Write `getspec: 1`, as a number; a file for a later version needs a later "
        "getspec.",
    ),
    "GS107": (
        "one name for two things",
        "Settings, named values, inputs and components of a definition share one namespace in "
        "`forward`, so a name has one meaning. Rename one of them.",
    ),
}

NAMES: dict[str, Entry] = {
    "GS201": (
        "not an expression",
        "The text is not an expression of the language: a bracket is open, an operator lacks "
        "a side, or there is no text. Expressions are arithmetic, comparisons, `and`, `or`, "
        "`not`, `a if c else b`, indexing and a few functions of numbers. Quote a value that "
        "YAML would cut at `: ` or `#`.",
    ),
    "GS202": (
        "expression too long or too deep",
        "An expression and a line of `forward` have at most 2,000 characters, brackets and "
        "signs nest at most 50 deep, and a `forward` has at most 64 KiB. Name the steps, "
        "under `let` or by assignments.",
    ),
    "GS203": (
        "value that cannot be used",
        "Integers are below 2**63, floats are finite, and complex numbers and bytes are no "
        "values. Write the number that is meant.",
    ),
    "GS204": (
        "name is not ASCII",
        "Python folds letters that look alike into one, so names are ASCII only. Rename it. "
        "Comments and `summary` may hold any text.",
    ),
    "GS205": (
        "wrong kind in an expression",
        "An operator or a place wants another kind of value: a number, an integer for an "
        "axis, true or false for a condition, a list for an index. The message names what it "
        "found. There is no conversion: compare a number (`depth > 0`) where a condition is "
        "wanted.",
    ),
    "GS206": (
        "division",
        "`/` of integers is exact and fails with the remainder, because an axis of 2.67 does "
        "not exist; dividing by 0 fails always. Change one of the sizes, or write `//` where "
        "rounding down is what the architecture does.",
    ),
    "GS207": (
        "number out of range",
        "Integers stay below 2**63 and floats finite, at every step. Look for an exponent or "
        "a factor that is a slip.",
    ),
    "GS208": (
        "depends on a run-time size",
        "A repeat, a `when`, an `if` and a setting are decided when the spec is compiled, and "
        "a size such as `B` is known when the model runs. Use a config entry.",
    ),
    "GS209": (
        "index out of range",
        "A list has fewer items than the index asks for. Indices count from 0, and -1 is the "
        "last item. Check the list's length and the repeat's.",
    ),
    "GS210": (
        "unknown name",
        "Nothing of this name is known here. An expression sees the settings and the values "
        "above it under `let`; `forward` sees also inputs, components and what was assigned "
        "before. In the shape of an input, a name with a capital is a new run-time size.",
    ),
    "GS211": (
        "unknown function of numbers",
        "Expressions can call a few functions of numbers, which the message lists. Ops on "
        "tensors are called in `forward` only. A named value goes under `let`.",
    ),
    "GS212": (
        "wrong arguments of a function of numbers",
        "The message says what the function takes and what it was given. `sqrt` and `log` "
        "want numbers in their range, `ceil_div` two integers, `range` a step that is not 0.",
    ),
}

STRUCTURE: dict[str, Entry] = {
    "GS301": (
        "unknown type",
        "The `type` of a component is the name of a layer op, of a block in this file or in a "
        "library under `use`, or one of `parameter`, `buffer` and `sequential`. Fix the "
        "spelling, or name the library. Python paths such as `torch.nn.Linear` are refused: "
        "nothing of a spec is imported. What has no parameters and no state, `softmax` for "
        "one, is called in `forward`.",
    ),
    "GS302": (
        "circle or too deep",
        "A block contains itself, a function calls itself, or a spec extends itself, through "
        "the chain in the message. It would never end, so one link has to go. Chains have "
        "limits too: 64 blocks, 16 files.",
    ),
    "GS303": (
        "part that cannot stand here",
        "A `sequential` and a `repeat` hold layers, blocks and sequentials, and at least one. "
        "Parameters and buffers stand directly among the components, where their names are "
        "those of the state dict. A parameter per layer belongs into the repeated block.",
    ),
    "GS304": (
        "setting of a function",
        "A function under `functions` takes its settings by name: `modulate(x, c, eps=1e-6)`. "
        "A setting without a default must be given, and a value must be of the setting's "
        "kind.",
    ),
    "GS305": (
        "size out of range",
        "Axes have at least length 1, repeats are from 0 to 1,000,000, probabilities are "
        "below 1, groups divide channels. The message names the limit and the value, with the "
        "config entries it comes from. Change the expression or the entry.",
    ),
    "GS306": (
        "initialisation",
        "An `init` is a scheme (`zeros`, `xavier_uniform`, `{normal: 0.02}`, `{uniform: [-1, "
        "1]}`), or on a layer one scheme per weight. Rules of a model or block are by layer "
        "type: `init: {linear: {weight: {normal: 0.02}, bias: zeros}}`. A parameter has no "
        "default, so it needs a scheme or a `value`, not both.",
    ),
    "GS307": (
        "tie",
        "A tie makes two tensors of one shape one: `tie: {head.weight: embed.weight}`, paths "
        "as in the state dict. Within a repeat that is folded, tie inside the repeated block.",
    ),
    "GS308": (
        "value of the wrong kind for a setting",
        "A setting keeps its kind: an integer, a number, true or false, a word out of a few, "
        "a list. An integer may stand for a number, and 8.0 is no integer. The same holds for "
        "`--set`, `set` and `tiny`, which replace a value by one of its kind.",
    ),
    "GS309": (
        "file that cannot be referred to",
        "`use` and `extends` name files by relative paths that stay inside the spec's folder, "
        "links followed, or inside the specs that come with getspec. Absolute paths, `..`, "
        "folders, pipes and missing files are refused, since a spec may come from a stranger.",
    ),
    "GS310": (
        "patch without a base",
        "`set` and `remove` change what `extends` brings. Name the base with `extends`, or "
        "change the values where they stand.",
    ),
    "GS311": (
        "path that does not exist",
        "A patch names an existing value by its path in the spec: `num_layers`, "
        "`components.head.out_features`, `expect.0`. What does not exist cannot be set, so "
        "that a slip is not taken for an addition. New entries are written in the spec "
        "itself, beside `extends`.",
    ),
    "GS312": (
        "defined twice",
        "Two files, or a file and a library it uses, define a block, function or model of the "
        "same name. Rename one of them.",
    ),
    "GS313": (
        "model used as a library",
        "`use` brings blocks and functions, and the file is a model. Derive from it with "
        "`extends`, or move its blocks into a file without `model`.",
    ),
    "GS314": (
        "rule of `rename`",
        "A rule maps a path of tensors to a foreign one, segment by segment, with `*` for one "
        "segment and `**`, once, for one or more. Both sides have the same marks in the same "
        "order. Regular expressions are refused, because a rule must be readable in both "
        "directions.",
    ),
    "GS315": (
        "`rename` is not one to one",
        "Every tensor has one foreign name, every foreign name one tensor, and every rule "
        "fits something. The message names the tensors or the rule that break this. Order the "
        "rules from special to general.",
    ),
}

DATAFLOW: dict[str, Entry] = {
    "GS401": (
        "forward without lines",
        "`forward` is a block of lines under `forward: |`. `>` joins its lines into one, and "
        "a block without text computes nothing.",
    ),
    "GS402": (
        "not a statement",
        "The line is not a statement of the language: a bracket is open, a colon or an "
        "operand is missing, or the indentation matches no line above. Statements are "
        "assignments, `return`, `for` and `if`.",
    ),
    "GS403": (
        "not part of the language",
        "`forward` and expressions are a small closed part of Python, so that every line can "
        "be checked and none can do harm: no attributes and methods, imports, `lambda`, "
        "`while`, comprehensions, `try`. The message says what to write instead.",
    ),
    "GS404": (
        "result is not used",
        "The line computes a value and drops it. There are no side effects, so it does "
        "nothing. Assign it to a name, or remove it. `items.append(x)` is the one call that "
        "stands alone.",
    ),
    "GS405": (
        "nothing reads it",
        "A config entry, a setting or a named value is declared, or a line of `forward` makes "
        "it, and no expression or line reads it, so changing it changes nothing: what a line "
        "makes is left out. Often the place that should read it holds a number instead, or "
        "another name. Use it, or remove it.",
    ),
    "GS406": (
        "component is not used",
        "A component has parameters that are counted and trained, and `forward` never calls "
        "it. Call it, remove it, or give it a `doc` that says why it is there, as for weights "
        "of a checkpoint that are kept.",
    ),
    "GS407": (
        "nothing is returned",
        "`forward` ends with `return` and one or more tensors. Add it as the last line: "
        "`return x`.",
    ),
    "GS408": (
        "return in the wrong place",
        "`return` is the last line of `forward`, or of a compile-time `if`. Lines after it "
        "are never reached, and a loop has none: assign in the loop, return after it.",
    ),
    "GS409": (
        "returns something else",
        "A model, block or function returns tensors. Sizes, words and components cannot leave "
        "it; make a tensor of a number with `zeros`, `ones` or `arange`.",
    ),
    "GS410": (
        "not the items that are expected",
        "The number of names and of values differ, or a list is wanted where there is none. "
        "`a, b = ...` wants a list of two; `for` goes over a component list, `range(n)` or a "
        "list of tensors; `zip` wants two lists or more of equal lengths, and nothing nested; "
        "`append` and `pop` want a list made in this forward.",
    ),
    "GS411": (
        "assignment to a name that is taken",
        "Components, settings and ops keep their meaning within `forward`; inputs may be "
        "assigned to. Choose another name.",
    ),
    "GS412": (
        "loop too long",
        "A loop over numbers is written out when it is checked, so it has at most 4,096 "
        "rounds that differ. Loop over a component list, whose equal layers are one round, or "
        "use an op on the whole tensor.",
    ),
    "GS413": (
        "operator not for tensors",
        "The operator has no meaning for tensors. `not` wants a value known when the spec is "
        "compiled; `~` is the one for bool tensors.",
    ),
    "GS414": (
        "tensor as a condition",
        "`if`, `and`, `or` and `a if c else b` are decided when the spec is compiled; the "
        "values of a tensor are known when the model runs. Choose between tensors with "
        "`where(condition, a, b)`.",
    ),
    "GS415": (
        "component list",
        "A repeat makes a list of components: loop over it, or pick one by its index, "
        "`layers[0](x)`. A component that is not repeated is called as it is.",
    ),
    "GS416": (
        "cannot be called",
        "What is called is a component, a function of the spec, or an op. The message gives "
        "the nearest name, or says what the name stands for. `getspec schema --ops` lists the "
        "ops.",
    ),
    "GS417": (
        "wrong arguments",
        "A component takes its inputs, an op its arguments, in their order or by name, each "
        "once. The message lists them. Settings of layers are given where the component is "
        "declared.",
    ),
    "GS418": (
        "argument of the wrong kind",
        "The op wants a tensor, a size, an integer, a word or a dtype, and the argument is "
        "something else. A component is called to make a tensor of it; dtypes are `float`, "
        "`float32`, `int` and `bool`.",
    ),
    "GS420": (
        "shapes or dtypes do not fit",
        "Two axes that must be equal differ, an axis does not divide, or a dtype is another. "
        "Sizes are printed with the config entries they come from, `2304 (3*dim)`, and notes "
        "name the lines that made the tensors. Follow them to the first line that is not what "
        "you meant. `cast(x, float)` changes a dtype, `rearrange` an order.",
    ),
    "GS421": (
        "not what is declared",
        "`outputs`, or the `shape` of a buffer or parameter, promises a type, and the value "
        "has another one. One of the two is wrong; the promise is what callers rely on.",
    ),
}

EXPECTATIONS: dict[str, Entry] = {
    "GS501": (
        "claim does not hold",
        "A published figure under `expect` differs from what the spec gives; `7.09M` stands "
        "for everything that rounds to it, an integer for itself. Either the spec is not the "
        "architecture that was published, or the figure is wrong. `getspec diff` finds where "
        "two specs part.",
    ),
    "GS502": (
        "claim without another side",
        "`delta` and `percent` compare with another spec. Add `against: {spec: other.yaml}`, "
        "or state `params`.",
    ),
    "GS503": (
        "claim about nothing",
        "The path of a claim names no component or tensor. Paths are as in the state dict, "
        "`.` is the model, and `*` stands for every copy of a repeat: "
        "`encoder.blocks.*.attn`.",
    ),
    "GS504": (
        "not a figure",
        "A figure is an integer (`85_484_059`) or a rounded one with K, M, B or T (`7.09M`). "
        "Write it as it was published, without words.",
    ),
    "GS505": (
        "over budget",
        "The model costs more than its `budget` allows. A limit is exact: `<= 125M` is 125,000,000 parameters. FLOPs are "
        "those of a forward pass at the spec's `shape`; keys and values are counted in bfloat16, two bytes an element.",
    ),
    "GS506": (
        "not a limit",
        'A limit is a number with `<=` before it: `params: "<= 125M"`, `flops: "<= 2T"`, `kv_per_token: "<= 64KiB"`. '
        "Counts take K, M, B (or G), T; bytes take KiB, MiB, GiB or KB, MB, GB. FLOPs need every run-time size under "
        "`shape`.",
    ),
}

OUTPUT: dict[str, Entry] = {
    "GS601": (
        "file was edited by hand",
        "A generated file carries a seal over its text, and this one does not match, or the "
        "file was not made by getspec. Nothing is written. Look with `--diff`; move the "
        "change into the spec, or overwrite with `--force`.",
    ),
    "GS602": (
        "two specs, one file",
        "Each spec is written to a file of its own, named after it, and not every disk tells "
        "capitals from small letters. Rename one of the specs, or generate them one by one with "
        "another `--output`.",
    ),
}

CHECKPOINTS: dict[str, Entry] = {
    "GS701": (
        "unsound checkpoint",
        "The header of a safetensors file does not agree with its size: tensors overlap, "
        "leave gaps, repeat a name, or reach beyond the end. Nothing is read from it. Fetch "
        "or write the file again.",
    ),
    "GS702": (
        "configuration of another model",
        "A configuration file has a field that the spec fixes to another value, so the "
        "checkpoint is of a model that this spec does not describe. Write a spec for it, with "
        "`extends` where the difference is small, or import another checkpoint.",
    ),
    "GS703": (
        "field that is missing or unusable",
        "A config entry of the spec follows from a field that the configuration file does not "
        "have, or that holds what no config entry can be: text for a number, a list, an integer "
        "of 2**63 or more. The file may be of an older version; add the field with the "
        "library's default.",
    ),
}

CODES: dict[str, Entry] = {
    **READING,
    **SCHEMA,
    **NAMES,
    **STRUCTURE,
    **DATAFLOW,
    **EXPECTATIONS,
    **OUTPUT,
    **CHECKPOINTS,
}

REMEDIES: dict[str, str] = {
    "GS101": "remove it, or write the key that is meant",
    "GS103": "write a value of the kind that is named",
    "GS107": "rename one of them",
    "GS201": "write a number, a name, or arithmetic such as `4 * dim`",
    "GS202": "name a part of it under `let`, or assign it on a line of its own",
    "GS203": "write an integer below 2**63, a finite number, true, false or a word",
    "GS204": "rename it with the letters a-z, digits and _",
    "GS205": "write a value of the kind that is named, or a name that holds one",
    "GS206": "change one of the two sizes, or write `//` to round down",
    "GS207": "look for an exponent or a factor that is too large",
    "GS208": "use a config entry in its place",
    "GS209": "count from 0, and stay below the length of the list",
    "GS212": "give it the arguments that the message names, by position",
    "GS302": "remove one link of the chain",
    "GS303": "put it among the components, or into the block that is repeated",
    "GS304": "give the setting by name, with a value of its kind",
    "GS305": "change it, or the config entries it comes from, to a value in the range",
    "GS307": "tie two tensors of one shape",
    "GS308": "write a value of the kind that is named",
    "GS314": "write whole segments: `ours.*.weight: theirs.*.weight`",
    "GS315": "give each tensor one rule, the special ones first",
    "GS402": "mend this line; what follows it may be right",
    "GS403": "call a component, a function of the spec or an op",
    "GS408": "assign in the loop, and return after it",
    "GS409": "return a tensor, or a list of tensors",
    "GS410": "write as many names as there are values",
    "GS411": "choose another name",
    "GS412": "loop over a component list, or use an op on the whole tensor",
    "GS415": "call it as it is, or pick an item by one index",
    "GS416": "call a component, a function of the spec or an op",
    "GS417": "give each input once, by position or by name",
    "GS418": "give an argument of the kind that is named",
    "GS420": "change one of the sizes; the notes name the lines that they come from",
    "GS421": "change what is declared, or the line that makes it",
    "GS501": "write the figure that is right, or mend the spec",
    "GS502": "against: {spec: other.yaml}",
    "GS506": "shape: {B: 1}",
    "GS702": "write a spec with `extends` for this checkpoint",
    "GS703": "add the field, with the default of the library",
}
"""What to do where the place of an error tells no more than its code."""
