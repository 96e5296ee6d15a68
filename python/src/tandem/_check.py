# SPDX-License-Identifier: Apache-2.0
"""A device against reference data (docs/reference/reference_data.md), by the program `tandem check`."""
from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess
from typing import Optional, Union

from tandem import _native
from tandem.errors import Error, NotFound


@dataclasses.dataclass(frozen=True)
class CaseResult:
    """One case; status: "pass", "fail" or "unsupported" (could not be run here)."""

    name: str
    status: str
    detail: str
    seconds: float


@dataclasses.dataclass(frozen=True)
class CheckReport:
    """All cases of a check."""

    backend: str
    cases: list[CaseResult]

    def count(self, status: str) -> int:
        return sum(case.status == status for case in self.cases)

    @property
    def passed(self) -> int:
        return self.count("pass")

    @property
    def failures(self) -> list[CaseResult]:
        return [case for case in self.cases if case.status == "fail"]

    @property
    def ok(self) -> bool:
        """Something passed and nothing failed."""
        return self.passed > 0 and not self.failures


def program() -> pathlib.Path:
    """The program `tandem` that belongs to the loaded library; TANDEM_PROGRAM names another."""
    named = os.environ.get("TANDEM_PROGRAM")
    path = (pathlib.Path(named) if named
            else pathlib.Path(_native.library_path()).resolve().parent.parent / "bin" / "tandem")
    if not path.is_file():
        raise NotFound(f"the program {path} does not exist; build it (cmake --build BUILD --target tandem) or set "
                       "TANDEM_PROGRAM")
    return path


def check(*paths: Union[str, "os.PathLike[str]"], backend: str = "cmodel:", config: Optional[str] = None,
          filter: str = "*", model: Optional[Union[str, "os.PathLike[str]"]] = None) -> CheckReport:
    """Runs every case of reference data whose name "suite/case" matches `filter`."""
    command = [str(program()), "check", *(os.fspath(p) for p in paths), "--backend", backend, "--filter", filter, "--json"]
    if config is not None:
        command += ["--config", config]
    if model is not None:
        command += ["--model", os.fspath(model)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout.strip():
        raise Error(done.stderr.strip() or f"tandem check ended with code {done.returncode} and said nothing")
    return CheckReport(backend, [CaseResult(**case) for case in json.loads(done.stdout)["cases"]])
