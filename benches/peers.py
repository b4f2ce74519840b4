#!/usr/bin/env python3
"""Writes the figures that the demo page shows beside its own, from the results of benches/run.py.

    make bench && benches/peers.py [RESULTS]

They go to cffi/pymongoose/demo/peers.json, which is part of the package.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "target" / "bench" / "results.json"
PEERS = ROOT / "cffi" / "pymongoose" / "demo" / "peers.json"
SHOWN = ("python", "fastwsgi", "granian", "uvicorn", "aiohttp", "fastapi")


def figures(results: dict[str, Any]) -> dict[str, Any]:
    """What the page needs of the results."""
    machine, options = results["machine"], results["options"]
    rows = {row["name"]: row for row in results["rows"] if not row["idle"]}
    return {
        "machine": f"{machine['cpu']}; Linux {machine['kernel']}; Python {machine['python']}",
        "load": f"wrk -t1 -c{options['connections']}",
        "rows": [
            {
                "title": rows[name]["title"],
                "requests_per_second": round(rows[name]["requests_per_second"]),
                "cpu_us": round(rows[name]["cpu_us"], 2),
            }
            for name in SHOWN
            if name in rows
        ],
    }


def main() -> int:
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else RESULTS
    PEERS.write_text(json.dumps(figures(json.loads(source.read_text())), indent=2) + "\n")
    print(f"wrote {PEERS.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
