#!/usr/bin/env python3
"""Measures recovery times: runs a campaign, kills or freezes processes, and reads the ranks' logs.

    tests/bench/recovery.py BUILD [--strikes 20] [--victim trainer|frozen|agent] [--ranks 2]

trainer: SIGKILL of a trainer at work, until its task begins again (on the spare trainer)
frozen:  SIGSTOP of a trainer at work, until its task begins again; the agent allows 2 s + 10 x its
         longest step
agent:   SIGKILL of rank 1, until any task begins in the job that the supervisor starts"""
import argparse
import datetime
import glob
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

SWEEP = """
name: recovery
seed: 1
seeds: 40
datasets:
  strokes: {file: strokes.h5, split: {source: [0, 20], validation: [200, 210], test: [210, 220]}, cases: {test: 2, validation: 2}}
classifier: {growth: 8, epochs: 20, batch_size: 16, softmax: held_out}
sweep:
  - {dataset: strokes, samples_per_class: 5, generated_per_real: [0]}
"""
BEGIN = re.compile(r"^(\S+) I trainer (\d+): (.*) \(attempt (\d+)\) begins")


def begins(folder):
    """Returns (seconds, trainer, task, attempt) of every attempt that has begun, in order."""
    found = []
    for path in glob.glob(folder + "/campaign/logs/rank-*.log"):
        with open(path, errors="replace") as log:
            for line in log:
                match = BEGIN.match(line)
                if match:
                    when = datetime.datetime.fromisoformat(match[1]).timestamp()
                    found.append((when, int(match[2]), match[3], int(match[4])))
    return sorted(found)


def alive(pid):
    return os.path.exists(f"/proc/{pid}")


def wait_for(what, patience=60):
    end = time.time() + patience
    while time.time() < end:
        found = what()
        if found:
            return found
        time.sleep(0.005)
    sys.exit("timed out after %d s" % patience)


def busy_trainer(folder):
    """Returns a random trainer at work for 0.5 to 2 s whose task can still afford to lose an attempt."""
    latest, times = {}, {}
    for begin in begins(folder):
        latest[begin[1]] = begin
        times[begin[2]] = times.get(begin[2], 0) + 1
    busy = [begin for begin in latest.values() if alive(begin[1]) and 0.5 < time.time() - begin[0] < 2 and times[begin[2]] < 4]
    return random.choice(busy) if busy else None


def workers(folder):
    found = {}
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as file:
                words = file.read().split(b"\0")
            if words[0].endswith(b"dagan-worker") and words[1].decode().startswith(folder):
                with open(os.path.dirname(path) + "/environ", "rb") as file:
                    rank = re.search(rb"OMPI_COMM_WORLD_RANK=(\d+)", file.read())
                with open(os.path.dirname(path) + "/status") as file:
                    parent = int(re.search(r"PPid:\t(\d+)", file.read())[1])
                found.setdefault(int(rank[1]), []).append((int(path.split("/")[2]), parent))
        except (OSError, IndexError, TypeError):
            pass
    # A rank's spawner has the same command line, and the rank as its parent.
    return {rank: pid for rank, pids in found.items() for pid, parent in pids if parent not in [p for p, _ in pids]}


def disturb(folder, victim):
    """Kills or freezes one victim; returns the seconds until work continues."""
    if victim == "agent":
        pid = wait_for(lambda: workers(folder).get(1))
        wait_for(lambda: busy_trainer(folder))
        began = time.time()
        os.kill(pid, signal.SIGKILL)
        return wait_for(lambda: [b[0] - began for b in begins(folder) if b[0] > began + 0.05])[0]
    _, pid, task, attempt = wait_for(lambda: busy_trainer(folder))
    began = time.time()
    os.kill(pid, signal.SIGSTOP if victim == "frozen" else signal.SIGKILL)
    return wait_for(lambda: [b[0] - began for b in begins(folder) if b[2] == task and b[3] > attempt])[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--strikes", type=int, default=20)
    parser.add_argument("--victim", choices=["trainer", "frozen", "agent"], default="trainer")
    parser.add_argument("--ranks", type=int, default=2)
    given = parser.parse_args()
    dagan = os.path.abspath(given.build + "/bin/dagan")
    with tempfile.TemporaryDirectory(prefix="dagan-recovery-") as folder:
        environment = dict(os.environ, DAGAN_DATA=folder)
        subprocess.run([dagan, "data", "make", "strokes", "-o", folder + "/strokes.h5"], check=True, stdout=subprocess.DEVNULL)
        with open(folder + "/recovery.yaml", "w") as file:
            file.write(SWEEP)
        run = subprocess.Popen([dagan, "run", folder + "/recovery.yaml", "-n", str(given.ranks), "-q", "-o", folder + "/campaign"],
                               env=environment)
        times = []
        try:
            while len(times) < given.strikes and run.poll() is None:
                times.append(disturb(folder, given.victim))
                time.sleep(random.uniform(1.0, 2.0))  # the next spare trainer loads
        finally:
            run.send_signal(signal.SIGUSR1)
            run.wait()
    times.sort()
    print(f"{given.victim}: {len(times)} strikes, recovery time p50 {times[len(times) // 2]:.3f} s, "
          f"p99 {times[min(len(times) - 1, int(len(times) * 0.99))]:.3f} s, max {times[-1]:.3f} s")


if __name__ == "__main__":
    main()
