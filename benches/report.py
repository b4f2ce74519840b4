"""What a run of the benchmarks says: a table, figures for other programs, a picture."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

# Share of the two cores that other programs may take. Beyond, caches and clocks are theirs.
BUSY = 0.15

COLUMNS = ["title", "requests_per_second", "p50_us", "p99_us", "cpu_us", "ratio", "noise", "others", "errors"]


def busy_seconds(cores: list[int]) -> float:
    """CPU time that these cores have spent, whoever used it (see proc_stat(5))."""
    ticks = 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name in {f"cpu{core}" for core in cores}:
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields[:8])
            ticks += user + nice + system + irq + softirq + steal
    return ticks / 100


def table(rows: list[dict[str, Any]], *, pipelined: bool) -> str:
    lines = [
        "| server | requests/s | p50 ms | p99 ms | CPU µs/request | ± | ratio to floor | errors |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        # With pipelining wrk times whole batches, which says nothing about one request.
        times = ["-" if pipelined else f"{row[key] / 1000:.2f}" for key in ("p50_us", "p99_us")]
        ratio = f"{row['ratio']:.2f}" if "ratio" in row else "-"
        cells = [row["title"], f"{row['requests_per_second']:,.0f}", *times, f"{row['cpu_us']:.2f}"]
        cells += [f"{row['noise']:.0%}", ratio, str(int(row["errors"]))]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def write_csv(rows: list[dict[str, Any]], path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def write_picture(rows: list[dict[str, Any]], path: Path) -> None:
    """Bars: CPU time per request as a multiple of the floor's, the least first."""
    bars = sorted((row["ratio"], row["title"], bool(row["ours"])) for row in rows if "ratio" in row)
    height, left, width = 26, 300, 420
    most = max((ratio for ratio, _, _ in bars), default=1.0)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 80} {height * len(bars) + 10}"'
        ' font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for number, (ratio, title, ours) in enumerate(bars):
        y = 5 + number * height
        long = width * ratio / most
        color = "#2a6fbb" if ours else "#9aa5b1"
        lines += [
            f'<text x="{left - 8}" y="{y + 17}" text-anchor="end">{escape(title)}</text>',
            f'<rect x="{left}" y="{y + 3}" width="{long:.1f}" height="{height - 6}" fill="{color}"/>',
            f'<text x="{left + long + 6:.1f}" y="{y + 17}">{ratio:.2f}</text>',
        ]
    path.write_text("\n".join([*lines, "</svg>"]) + "\n")
