"""A training step and its parts against the peers', in turn in one run; against their floors; and their memory.

python benchmarks/peers.py [--monodepth2 PATH] [--maskflownet PATH] [--ptlflow PATH] [--json FILE] [--quick]

PATH is a checkout (github.com/nianticlabs/monodepth2, cattaneod/MaskFlownet-Pytorch,
hmorimitsu/ptlflow); what is not given is skipped. All in float32, with random weights, 192x640.

Each side is a process of its own, started alike: the same threads, and by default an allocator
that keeps what it has got, which helps both (`--allocator default` for that of the system).
ratio: the median of ours / peer's, run by run, and its quartiles. floor: the arithmetic of our
work (GFLOP) over the best GFLOP/s that a matrix product or a convolution reached in this run.
The depth-and-pose step is timed with the peer's own losses ("same losses") and with those of our
paper preset. Memory is the peak of a process less what it held after its imports.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from checkouts import AbsentError
from floors import ceilings, gigaflops, peak_memory_gb
from own_steps import PLANAR
from peer_cases import Case, all_cases

SHORTEST_RUN_S = 0.5
PEERS = ("monodepth2", "maskflownet", "ptlflow")
MARK = "@@"  # before what a worker says, as peers print too
KEPT_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**34)}


@dataclass(frozen=True)
class Side:
    """What one side of a case came to.

    Attributes:
        seconds: of each counted run.
        memory_gb: peak of its process, less what that held after its imports.
        imports_gb: what it held after its imports.
        gflop: its arithmetic; counted for ours alone.
    """

    seconds: tuple[float, ...]
    memory_gb: float
    imports_gb: float
    gflop: float


class Worker:
    """A process that makes one work, and runs it when told to."""

    def __init__(self, case: str, side: str, options: argparse.Namespace) -> None:
        given = [f"--{name}={path}" for name in PEERS if (path := getattr(options, name))]
        command = [sys.executable, __file__, "--serve", case, "--side", side, f"--threads={options.threads}", *given]
        environment = dict(os.environ, OMP_NUM_THREADS=str(options.threads), HF_HUB_OFFLINE="1")
        if options.allocator == "kept":
            environment |= KEPT_MEMORY
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.seconds: list[float] = []
        self.ready = self._heard()

    def run(self) -> None:
        """One counted run."""
        self._say("run")
        self.seconds.append(self._heard()["seconds"])

    def side(self) -> Side:
        """The figures; ends the process."""
        self._say("end")
        self.process.wait()
        imports = self.ready["imports_gb"]
        return Side(tuple(self.seconds), self.ready["peak_gb"] - imports, imports, self.ready["gflop"])

    def _say(self, line: str) -> None:
        assert self.process.stdin is not None
        print(line, file=self.process.stdin, flush=True)

    def _heard(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(MARK):
                heard: dict[str, Any] = json.loads(line.removeprefix(MARK))
                if "absent" in heard:
                    raise AbsentError(heard["absent"])
                return heard
        raise RuntimeError("a worker ended without an answer; its own message is above")


def serve(case: Case, side: str) -> None:
    """Be a worker: two runs that are not counted, then one for each line that comes in."""

    def say(**figures: object) -> None:
        print(MARK + json.dumps(figures), flush=True)

    imports = peak_memory_gb()
    try:
        build = case.ours if side == "ours" else case.peer
        assert build is not None
        work = build()
    except AbsentError as error:
        say(absent=str(error))
        return
    work()
    begin = time.perf_counter()
    work()
    # Short works are repeated within a run: a process that slept begins with cold caches.
    repeats = max(1, round(SHORTEST_RUN_S / (time.perf_counter() - begin)))
    peak, gflop = peak_memory_gb(), 0.0
    if side == "ours":
        os.environ[PLANAR] = "1"
        gflop = gigaflops(build())
    say(imports_gb=imports, peak_gb=peak, gflop=gflop)
    for line in sys.stdin:
        if line.strip() == "end":
            return
        begin = time.perf_counter()
        for _ in range(repeats):
            work()
        say(seconds=(time.perf_counter() - begin) / repeats)


def compared(case: Case, options: argparse.Namespace) -> tuple[Side, Side | None]:
    """Both sides, run in turn."""
    ours = Worker(case.name, "ours", options)
    peer = Worker(case.name, "peer", options) if case.peer else None
    for _ in range(3 if options.quick else options.runs):
        ours.run()
        if peer:
            peer.run()
    return ours.side(), peer.side() if peer else None


def told(case: Case, ours: Side, peer: Side | None, *, gflops: float) -> dict[str, Any]:
    """Print what a case came to; and the same as a record."""
    own_s = statistics.median(ours.seconds)
    record: dict[str, Any] = {"name": case.name, "ours": asdict(ours), "ours_s": own_s}
    lines = [f"{case.name}: {own_s:.4f} s"]
    if peer is None:
        lines[0] += ", peer skipped: no checkout given" if not case.memory_bar_gb else ""
    else:
        ratios = [own / other for own, other in zip(ours.seconds, peer.seconds, strict=True)]
        low, ratio, high = statistics.quantiles(ratios, n=4)
        peer_s = statistics.median(peer.seconds)
        record |= {"peer": asdict(peer), "peer_s": peer_s, "ratio": ratio, "quartiles": (low, high), "bar": case.bar}
        lines[0] += f" / {peer_s:.4f} s = {ratio:.3f} [{low:.3f}, {high:.3f}]{_bar(case.bar)}"
    if ours.gflop:
        floor = ours.gflop / gflops
        record |= {"floor_s": floor, "times_floor": own_s / floor, "floor_bar": case.floor_bar}
        lines.append(
            f"{ours.gflop:.1f} GFLOP, floor {floor:.4f} s at {gflops:.0f} GFLOP/s, "
            f"{own_s / floor:.2f} times{_bar(case.floor_bar)}"
        )
    memory = f"memory {ours.memory_gb:.2f} GB{_bar(case.memory_bar_gb)} over {ours.imports_gb:.2f} after imports"
    if peer is not None:
        memory += f"; peer {peer.memory_gb:.2f}, ratio {ours.memory_gb / peer.memory_gb:.2f}{_bar(case.memory_bar)}"
    print("\n    ".join([*lines, memory]), flush=True)
    return record


def _bar(bar: float | None) -> str:
    return "" if bar is None else f" (bar {bar:g})"


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--monodepth2", type=Path, help="checkout of monodepth2")
    parser.add_argument("--maskflownet", type=Path, help="checkout of MaskFlownet-Pytorch")
    parser.add_argument("--ptlflow", type=Path, help="checkout of ptlflow (its dependencies must be importable)")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--quick", action="store_true", help="batch 1 alone, three counted runs")
    parser.add_argument("--runs", type=int, default=9, help="counted runs of each")
    parser.add_argument("--threads", type=int, default=2, help="of each side")
    parser.add_argument("--allocator", choices=("kept", "default"), default="kept", help="of both sides")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--side", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Run all comparisons and print them."""
    options = parsed()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    cases = {case.name: case for case in all_cases(options)}
    if options.serve:
        serve(cases[options.serve], options.side)
        return
    load = os.getloadavg()[0]
    print(f"{options.threads} threads of {os.cpu_count()} cores, torch {torch.__version__}, load before {load:.1f}")
    ceiling = ceilings()
    records = []
    for case in cases.values():
        if options.only not in case.name or (options.quick and "batch 6" in case.name):
            continue
        if case.peer is None and "ptlflow" in case.name:
            print(f"{case.name}: skipped, no checkout given")
            continue
        try:
            sides = compared(case, options)
        except AbsentError as error:
            print(f"{case.name}: skipped, {error}")
            continue
        now = ceilings()
        ceiling = {name: max(value, now[name]) for name, value in ceiling.items()}
        records.append(told(case, *sides, gflops=max(ceiling.values())))
    print("ceilings: " + ", ".join(f"{name} {value:.0f} GFLOP/s" for name, value in ceiling.items()))
    print(f"load after {os.getloadavg()[0]:.1f}")
    if options.json:
        options.json.write_text(json.dumps({"ceilings_gflops": ceiling, "cases": records}, indent=2) + "\n")


if __name__ == "__main__":
    main()
