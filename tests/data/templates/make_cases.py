#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Renders the templates of templates.txt with Jinja2, set up as Hugging Face transformers does.
"""Usage: make_cases.py (needs `pip install jinja2==3.1.*`). Reads templates.txt (templates between
lines of "===") and variables.json, writes cases.json: template and text, null where Jinja fails."""
import json
import pathlib

import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

HERE = pathlib.Path(__file__).parent


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators,
                      sort_keys=sort_keys)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def main():
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                        extensions=[jinja2.ext.loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    variables = json.loads((HERE / "variables.json").read_text())
    cases = []
    for template in (HERE / "templates.txt").read_text().split("\n===\n"):
        try:
            text = env.from_string(template).render(**variables)
        except Exception:  # whatever Python raises, a template that fails must fail here too
            text = None
        cases.append({"template": template, "text": text})
    (HERE / "cases.json").write_text(json.dumps(cases, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
