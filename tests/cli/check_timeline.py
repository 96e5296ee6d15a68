#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Records a small model on rtl:, makes its timeline, and checks that against the schema of the Chrome trace format and
# against the numbers of the packets. Exit code 77: the package jsonschema is not there.
# usage: check_timeline.py TANDEM MODEL BACKEND SCHEMA
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is not installed")
    sys.exit(77)


def main(tandem, model, backend, schema):
    with tempfile.TemporaryDirectory() as scratch:
        trace, timeline = (str(pathlib.Path(scratch) / name) for name in ("run.trace", "run.json"))
        run = [tandem, "run", "--model", model, "--prompt-ids", "1,2,3", "--max-new-tokens", "1", "--backend", backend,
               "--record", trace, "--quiet"]
        subprocess.run(run, check=True, stdout=subprocess.DEVNULL)
        subprocess.run([tandem, "timeline", trace, "-o", timeline], check=True)
        listing = subprocess.run([tandem, "dis", trace], check=True, capture_output=True, text=True).stdout
        document = json.loads(pathlib.Path(timeline).read_text())
    jsonschema.validate(document, json.loads(pathlib.Path(schema).read_text()),
                        cls=jsonschema.Draft202012Validator)
    slices = [event for event in document["traceEvents"] if event["ph"] == "X"]
    named = {event["tid"] for event in document["traceEvents"] if event["name"] == "thread_name"}
    assert {event["tid"] for event in slices} <= named, "a slice on a track without a name"
    packets = sorted(event["args"]["packet"] for event in slices if event["cat"] == "packets")
    recorded = sorted(int(word[4:]) for word in listing.split() if word.startswith("seq="))
    assert packets == recorded, f"packets {packets} in the timeline, {recorded} in the trace"
    layers = {event["name"] for event in slices if event["cat"] == "layers"}
    assert "layer.0" in layers, layers
    # On a track slices must not overlap in part; here they never overlap.
    ends = {}
    for event in sorted(slices, key=lambda event: (event["tid"], event["ts"])):
        assert event["ts"] >= ends.get(event["tid"], 0), f"overlap on track {event['tid']} at {event['ts']}"
        ends[event["tid"]] = event["ts"] + event["dur"]
    print(f"{len(document['traceEvents'])} events, {len(packets)} packets")


main(*sys.argv[1:])
