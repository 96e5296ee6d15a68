#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Steps of the tests of the Python package, each a ctest entry: install, pytest, mypy, torch.

  run.py STEP --source TREE --build BUILD --venv FOLDER

A step that cannot run here prints a line "skipped: REASON", which ctest shows as a skip.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import time

# How pip says that it cannot get at an index, as opposed to one that lacks a package.
UNREACHABLE = re.compile(r"connection broken by|NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|"
                         r"Name or service not known|Temporary failure in name resolution|SSLError")


def skip(reason):
    print(f"skipped: {reason}", flush=True)
    sys.exit(0)


def python_of(venv):
    return str(venv / "bin" / "python")


def pip_install(venv, *arguments):
    """Installs from PyPI; a skip where it cannot be reached."""
    command = [python_of(venv), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "2", *arguments]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    if done.returncode == 0:
        return
    print(done.stdout + done.stderr, flush=True)
    if UNREACHABLE.search(done.stdout + done.stderr):
        skip("PyPI cannot be reached, which the tests of the Python package need")
    sys.exit(f"pip install {' '.join(arguments)} failed")


def make_venv(venv):
    probe = subprocess.run([sys.executable, "-c", "import ensurepip, venv"], capture_output=True, check=False)
    if probe.returncode != 0:
        skip(f"{sys.executable} has no venv (Debian: python3-venv)")
    include = subprocess.run([sys.executable, "-c", "import sysconfig; print(sysconfig.get_path('include'))"],
                             text=True, capture_output=True, check=True).stdout.strip()
    if not (pathlib.Path(include) / "Python.h").exists():
        skip(f"{include} has no Python.h (Debian: python3-dev)")
    if not pathlib.Path(python_of(venv)).exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)


def install(args):
    make_venv(args.venv)
    ready = args.venv / "installed"
    ready.unlink(missing_ok=True)
    pip_install(args.venv, "-r", str(args.source / "tests/python/requirements.txt"))
    subprocess.run([python_of(args.venv), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                    "--no-build-isolation", "--no-deps", "--force-reinstall", str(args.source / "python")],
                   check=True, env=os.environ | {"TANDEM_DIR": str(args.build)})
    ready.touch()


def run_installed(args, *command):
    if not (args.venv / "installed").exists():
        skip("the Python package is not installed; see Python.install")
    folder = args.venv / "run"
    folder.mkdir(exist_ok=True)
    sys.exit(subprocess.run([python_of(args.venv), *command], check=False, cwd=folder).returncode)


def pytest(args):
    run_installed(args, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", str(args.source / "python/pyproject.toml"),
                  "--rootdir", str(args.source / "python"), str(args.source / "python/tests"))


def mypy(args):
    run_installed(args, "-m", "mypy", "--config-file", str(args.source / "python/pyproject.toml"), "--cache-dir",
                  str(args.venv / "mypy"), str(args.source / "python/src/tandem"))


def torch(args):
    """Recorder and deliberate bugs, in a venv with PyTorch; needs neither a device nor a compiler."""
    start = time.monotonic()
    if not pathlib.Path(python_of(args.venv)).exists():
        subprocess.run([sys.executable, "-m", "venv", str(args.venv)], check=True)
    pip_install(args.venv, "-r", str(args.source / "tests/python/requirements-torch.txt"))
    print(f"packages after {time.monotonic() - start:.0f} s", flush=True)
    code = subprocess.run([python_of(args.venv), "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c",
                           str(args.source / "python/pyproject.toml"), "--rootdir", str(args.source / "python"),
                           str(args.source / "python/tests/torch")],
                          check=False, env=os.environ | {"PYTHONPATH": str(args.source / "python/src")}).returncode
    print(f"done after {time.monotonic() - start:.0f} s", flush=True)
    sys.exit(code)


def main():
    steps = {step.__name__: step for step in (install, pytest, mypy, torch)}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("step", choices=steps)
    for name in ("source", "build", "venv"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=name != "build")
    args = parser.parse_args()
    args.source, args.venv = args.source.resolve(), args.venv.absolute()
    steps[args.step](args)


if __name__ == "__main__":
    main()
