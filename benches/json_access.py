#!/usr/bin/env python3
"""One access to a JSON document of about 1 KiB and of about 1 MB: ours against json.loads.

.venv/bin/python benches/json_access.py
"""

from __future__ import annotations

import json
import timeit

from pymongoose import json_get_num


def document(items: int) -> str:
    user = {"id": 12345, "name": "Alice Example", "tags": ["a", "b", "c"]}
    listed = [{"id": i, "price": i * 1.5, "label": f"item {i}"} for i in range(items)]
    return json.dumps({"user": user, "items": listed})


def best(statement: str, names: dict[str, object], number: int) -> float:
    """Microseconds of the fastest of nine rounds."""
    return min(timeit.repeat(statement, globals=names, number=number, repeat=9)) / number * 1e6


def main() -> None:
    print("| document | field | json.loads | json_get_num |")
    print("| --- | --- | ---: | ---: |")
    for items, number in ((18, 2000), (20000, 5)):
        text = document(items)
        last = items - 1
        for path, access in (
            ("$.user.id", '["user"]["id"]'),
            (f"$.items[{last}].price", f'["items"][{last}]["price"]'),
        ):
            names: dict[str, object] = {"text": text, "json": json, "get": json_get_num}
            theirs = best(f"json.loads(text){access}", names, number)
            ours = best(f"get(text, {path!r})", names, number)
            print(f"| {len(text):,} bytes | {path} | {theirs:,.2f} us | {ours:,.2f} us |")


if __name__ == "__main__":
    main()
