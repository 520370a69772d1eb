"""The language of Terraform, as far as a file of resources needs it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class HclBlock:
    """`kind "label" "label" { … }`; a value may be a list of blocks, which stand without `=`."""

    kind: str
    labels: tuple[str, ...]
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class HclExpression:
    """Written as it is."""

    text: str


def written(blocks: list[HclBlock]) -> str:
    return "\n\n".join("\n".join(_lines(block)) for block in blocks) + "\n"


def _lines(block: HclBlock) -> Iterator[str]:
    labels = "".join(f' "{label}"' for label in block.labels)
    yield f"{block.kind}{labels} {{"
    plain = {key: value for key, value in block.body.items() if not isinstance(value, HclBlock)}
    width = max(map(len, plain), default=0)
    for key, value in plain.items():
        first, *others = _value(value).splitlines()
        yield f"  {key:<{width}} = {first}"
        yield from (f"  {line}" for line in others)
    for value in block.body.values():
        if isinstance(value, HclBlock):
            yield from (f"  {line}" for line in _lines(value))
    yield "}"


def _value(value: Any) -> str:
    if isinstance(value, HclExpression):
        return value.text
    if isinstance(value, Mapping):  # as `jsonencode` takes it
        return f"jsonencode({json.dumps(value, indent=2)})"
    return json.dumps(value)
