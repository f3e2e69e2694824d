# SPDX-License-Identifier: Apache-2.0
"""Messages as proto/rhumb/v1 defines them, read from the .proto files, to hold JSON against."""

import math
import pathlib
import re

PROTO_DIRECTORY = pathlib.Path(__file__).resolve().parents[3] / "proto" / "rhumb" / "v1"
_FIELD = re.compile(r"(repeated\s+|optional\s+)?(map<\w+,\s*\w+>|[\w.]+)\s+(\w+)\s*=\s*\d+\s*(?:\[[^\]]*\])?;")
_ENUM_VALUE = re.compile(r"(\w+)\s*=\s*(\d+)\s*;")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
_INTEGERS = {"int32": 31, "int64": 63}


class Shapes:
    """messages: {name: {field: (type, is_repeated)}}; enums: {name: [value]}."""

    def __init__(self):
        self.messages, self.enums = {}, {}
        for path in sorted(PROTO_DIRECTORY.glob("*.proto")):
            self._read(re.sub(r"//[^\n]*", "", path.read_text()))

    def _read(self, text):
        scopes = []
        for token in re.finditer(r"(message|enum|service|oneof)\s+(\w+)\s*\{|\}|[^;{}]+;", text):
            kind, name = token.group(1), token.group(2)
            if kind:
                scopes.append((kind, name))
                if kind == "message":
                    self.messages[name] = {}
                elif kind == "enum":
                    self.enums[name] = []
            elif token.group(0) == "}":
                if scopes:
                    scopes.pop()
            elif scopes and scopes[-1][0] == "enum":
                value = _ENUM_VALUE.search(token.group(0))
                self.enums[scopes[-1][1]].append(value.group(1))
            elif scopes and scopes[-1][0] in ("message", "oneof"):
                owner = [name for kind, name in scopes if kind == "message"][-1]
                field = _FIELD.search(token.group(0))
                if field:
                    self.messages[owner][field.group(3)] = (field.group(2), (field.group(1) or "").strip() == "repeated")

    def violations(self, message_type, value, path=""):
        """[(field, description)] of what is not as the message is; empty: all is."""
        if not isinstance(value, dict):
            return [(path, "must be an object")]
        fields = self.messages[message_type]
        found = []
        for name, each in value.items():
            where = "%s.%s" % (path, name) if path else name
            if name not in fields:
                found.append((where, "no such field"))
                continue
            field_type, is_repeated = fields[name]
            if is_repeated and not isinstance(each, list):
                found.append((where, "must be an array"))
                continue
            for index, one in enumerate(each if is_repeated else [each]):
                found += self._value("%s[%d]" % (where, index) if is_repeated else where, field_type, one)
        return found

    def _value(self, path, field_type, value):
        short = field_type.rpartition(".")[2]
        if short in self.messages:
            return self.violations(short, value, path)
        if short in self.enums:
            prefix = re.sub(r"(?<!^)(?=[A-Z])", "_", short).upper() + "_"
            allowed = self.enums[short] + [name[len(prefix) :] for name in self.enums[short]]
            return [] if value in allowed else [(path, "%r is not one of %s" % (value, allowed))]
        if field_type in _INTEGERS:
            good = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2 ** _INTEGERS[field_type]
        elif field_type == "double":
            good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        elif field_type == "bool":
            good = isinstance(value, bool)
        elif short == "Timestamp":
            good = isinstance(value, str) and _TIMESTAMP.fullmatch(value)
        elif field_type == "string":
            good = isinstance(value, str)
        else:
            good = field_type.startswith("map<")
        return [] if good else [(path, "%r is no %s" % (value, field_type))]
