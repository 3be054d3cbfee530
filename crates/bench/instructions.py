"""Counts the instructions of the feed's hot path under valgrind: the same within a percent or two, whatever else a machine does.

Each row is run twice, with few and with many turns; the difference is what the turns took. The figures are compared with
those in instructions.tsv: a row that takes a tenth more fails. `--record` writes them there instead.
"""

import pathlib
import subprocess
import sys
import tempfile

FEW, MANY = 4, 12
CHANGES = 64
ALLOWED = 1.10
# what their preparation takes differs by more than the turns take
LEFT_OUT = {"match 10 of 100 010 filters", "match 10 of 1 000 010 filters"}
RECORD = pathlib.Path(__file__).with_name("instructions.tsv")


def count(program, row, turns):
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", program]
        command += ["--row", row, "--times", str(turns)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{row}: {done.stderr}")
    line = next(line for line in done.stderr.splitlines() if "Collected" in line)
    return int(line.split(":")[1])


def recorded():
    if not RECORD.exists():
        return {}
    return {row: int(figure) for row, figure in (line.split("\t") for line in RECORD.read_text().splitlines())}


def main(program, record):
    rows = subprocess.run([program, "--rows"], capture_output=True, text=True, check=True).stdout.splitlines()
    known, figures, worse = recorded(), {}, []
    print("| row | instructions a change | recorded |\n|---|--:|--:|")
    for row in rows:
        if row in LEFT_OUT:
            continue
        turns = count(program, row, MANY) - count(program, row, FEW)
        figures[row] = round(turns / (MANY - FEW) / CHANGES)
        before = known.get(row)
        print(f"| {row} | {figures[row]} | {before or '–'} |", flush=True)
        if before and figures[row] > before * ALLOWED:
            worse.append(row)
    if record:
        RECORD.write_text("".join(f"{row}\t{figure}\n" for row, figure in figures.items()))
    elif worse:
        sys.exit(f"more than a tenth above the record: {', '.join(worse)}")


if __name__ == "__main__":
    main(sys.argv[1], "--record" in sys.argv[2:])
