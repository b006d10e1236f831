"""YAML from outside as plain values: no tags, no aliases, no key twice.

A page of nested aliases stands for more values than any memory holds, and of two values of one key the first
would be lost in silence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from typing import Any

import yaml
from yaml._yaml import CParser

from imagery.errors import InputError
from imagery.textfile import short


class _Parts(yaml.composer.Composer, CParser):
    """Events from libyaml, some ten times as fast, put together where aliases can be refused."""

    def __init__(self, text: str) -> None:
        CParser.__init__(self, text)
        yaml.composer.Composer.__init__(self)


class _Strict(_Parts, yaml.constructor.BaseConstructor, yaml.resolver.BaseResolver):
    """Without aliases and double keys; every scalar stays text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        yaml.constructor.BaseConstructor.__init__(self)
        yaml.resolver.BaseResolver.__init__(self)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent):
            raise InputError(f"line {_line(event)} uses a YAML alias: write the value out")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        for key, times in keys.items():
            if times > 1:
                raise InputError(f"the mapping in line {_line(node)} has key {short(key)} twice: keep one")
        return super().construct_mapping(node, deep)


class _Typed(_Strict, yaml.constructor.SafeConstructor, yaml.resolver.Resolver):
    """The same with numbers, booleans and dates as YAML has them."""


def _line(part: Any) -> int:
    """Where an event or a node begins, counted from 1."""
    return int(part.start_mark.line) + 1


def plain_yaml(text: str, where: str, typed: bool = True) -> Any:
    """Values of a YAML text.

    Args:
        text: As long as the caller has made sure of.
        where: Names its source in messages.
        typed: Numbers, booleans and dates as YAML has them; else every scalar stays text.

    Raises:
        InputError: It is no YAML, nested too deeply, or holds aliases, tags or double keys.
    """
    try:
        return (_Typed if typed else _Strict)(text).get_single_data()
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError, TypeError) as error:
        raise InputError(f"{where} is not YAML: {' '.join(str(error).split())[:300]}") from error
