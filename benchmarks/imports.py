"""What `import toolcrib` and `toolcrib --help` cost, beside `import pydantic`, in fresh interpreters taking turns.

    python benchmarks/imports.py [--rounds 9]

Prints one JSON object: median milliseconds of wall time above an empty interpreter, and the aims.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time

CANDIDATES = {
    "empty interpreter": ["-c", "pass"],
    "import pydantic": ["-c", "import pydantic.main"],
    "import toolcrib": ["-c", "import toolcrib"],
    "from toolcrib import tool, Retry": ["-c", "from toolcrib import tool, Retry"],
    "toolcrib --help": ["-m", "toolcrib", "--help"],
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    found: dict[str, list[float]] = {name: [] for name in CANDIDATES}
    for number in range(rounds + 1):
        for name, arguments in CANDIDATES.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
            if number:
                found[name].append((time.perf_counter() - began) * 1000)
    medians = {name: statistics.median(times) for name, times in found.items()}
    base = medians["empty interpreter"]
    beyond = medians["import toolcrib"] - medians["import pydantic"]
    report = {
        "ms_above_an_empty_interpreter": {n: round(t - base, 1) for n, t in medians.items() if t != base},
        "aim": {
            "toolcrib beyond pydantic <= 60 ms": beyond <= 60,
            "toolcrib --help < 400 ms in all": medians["toolcrib --help"] < 400,
        },
        "toolcrib_help_ms": round(medians["toolcrib --help"], 1),
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
