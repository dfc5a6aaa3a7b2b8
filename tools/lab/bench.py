# SPDX-License-Identifier: ISC
"""What the benches share: rows of a table, what bounds a run, and ratios."""
import argparse
import contextlib
import os
import statistics
import sys

from . import process
from .process import Skip, Trouble

CORES = os.cpu_count() or 1
asked_for = []  # names given with --only; none: all


def is_asked(name):
    return not asked_for or name in asked_for


def bound_by(loaded, meter):
    """What kept the run from going faster, in words."""
    server, generator = meter['cpu'] / meter['seconds'], loaded['cpu_seconds'] / loaded['seconds']
    busiest = meter['busiest'] / meter['seconds']
    others = meter['machine'] / meter['seconds'] - server - generator  # the kernel's own work is among it
    if others > 0.5 and server + generator + others > 0.9 * CORES:
        return f'other programs, which take {others:.2f} of {CORES} cores: this machine is not quiet'
    if busiest > 0.9:
        return f'one server process ({busiest:.2f} of a core)'
    if generator > 0.9:
        return f'the generator ({generator:.2f} of a core)'
    if server + generator > 0.9 * CORES:
        return f'CPU (server {server:.2f}, generator {generator:.2f} of {CORES} cores)'
    if meter['disk_busy'] > 0.7:
        return f'the disk ({meter["disk_busy"]:.0%} busy)'
    return (f'waiting (server {server:.2f}, generator {generator:.2f} of {CORES} cores, '
            f'disk {meter["disk_busy"]:.0%} busy)')


def cpu_ms_each(meter, count):
    return meter['cpu'] * 1000 / max(count, 1)


def row(name, loaded, meter, count, seconds):
    """Print one server's line; returns what ratios are made of."""
    rate, cpu_ms = count / seconds, cpu_ms_each(meter, count)
    print(f'{name:24} {rate:9.0f}/s  server {cpu_ms:7.3f} ms CPU each  generator {loaded["cpu_seconds"]:6.2f} s  '
          f'p50 {loaded["p50_ms"]:.1f} p99 {loaded["p99_ms"]:.1f} ms  {meter["flushes"]:.0f} flushes/s', flush=True)
    print(f'{"":24} bound by {bound_by(loaded, meter)}', flush=True)
    for key in ('refused', 'lost'):
        if loaded[key]:
            print(f'{"":24} {loaded[key]} {key}: {loaded["refusal"]}', flush=True)
    if loaded['resumed']:
        print(f'{"":24} {loaded["resumed"]} of {loaded["accepted"]} sessions resumed', flush=True)
    return {'rate': rate, 'cpu_ms': cpu_ms, 'refused': loaded['refused'], 'lost': loaded['lost']}


class InTurns:
    """Runs for main() whose servers are all up at once and are loaded for a moment each, in turns, round after round.

    What else the machine does meets them alike so; each line is the round of median rate.

    servers  {name of a run: function of a new folder that makes its server}
    load     function of the server: gives it one round and returns what the generator counted
    warm     the same before the first round
    rounds   how many: an odd number
    """

    def __init__(self, servers, load, warm, rounds):
        self.servers, self.load, self.warm, self.rounds = servers, load, warm, rounds
        self.found = None  # {name: its rounds, or why there are none}

    def runs(self):
        return {name: self.run for name in self.servers}

    def run(self, name, where):
        """All of them, at the first call; the line of one of them."""
        if self.found is None:
            self.found = self._measure(where)
        rounds = self.found[name]
        if isinstance(rounds, Exception):
            raise rounds
        loaded, meter = sorted(rounds, key=lambda one: one[0]['rate'])[len(rounds) // 2]
        loaded = {**loaded, **{key: sum(one[key] for one, _ in rounds) for key in ('refused', 'lost')},
                  'refusal': max(one['refusal'] for one, _ in rounds)}  # whatever went wrong in any of them
        return {**row(name, loaded, meter, loaded['accepted'], loaded['seconds']), 'rounds': [
            {'rate': one['rate'], 'cpu_ms': cpu_ms_each(metered, one['accepted'])} for one, metered in rounds]}

    def _measure(self, where):
        with contextlib.ExitStack() as stack:
            found = {name: self._start(stack, make, where / str(number))
                     for number, (name, make) in enumerate(self.servers.items()) if is_asked(name)}
            ready = {name: server for name, server in found.items() if not isinstance(server, Exception)}
            for server in ready.values():
                self.warm(server)
            taken = {name: [] for name in ready}
            for number in range(self.rounds):
                # Forth and back: who comes first in a round would always get what the last one left to do.
                for name in list(ready)[::-1 if number % 2 else 1]:
                    taken[name].append(self._round(ready[name]))
        return {**found, **taken}

    @staticmethod
    def _start(stack, make, where):
        try:
            where.mkdir(mode=0o755)
            server = make(where)
            stack.enter_context(server)
            server.ready()
            return server
        except (Skip, Trouble) as reason:
            return reason

    def _round(self, server):
        meter = process.Meter(server.child.pid, server.where)
        return self.load(server), meter.stop()


def ratios_of(ours, theirs, key):
    """One for each round that both had, or the one of two single runs.

    In rounds it is neighbours that are compared, and the median of their ratios is what counts: a slow minute of the
    machine meets both sides of each ratio, and one spoilt round is one bad ratio; in a ratio of medians, the two
    rounds compared may lie far apart.
    """
    pairs = zip(ours.get('rounds', [ours]), theirs.get('rounds', [theirs]))
    return sorted(mine[key] / other[key] if other[key] else float('inf') for mine, other in pairs)


def ratio(results, what, ours, theirs, key, wanted):
    """One line: ours against theirs, and whether it is as wanted ('>=5' or '<=0.12')."""
    missing = [name for name in (ours, theirs) if name not in results]
    if missing:
        if not (is_asked(ours) and is_asked(theirs)):
            return True
        print(f'ratio {what}: {ours} / {theirs} NOT MEASURED: no {" and no ".join(missing)}, as said above')
        return wanted == '>=0'
    values = ratios_of(results[ours], results[theirs], key)
    value, limit = statistics.median(values), float(wanted[2:])
    spread = f', {values[0]:.2f} to {values[-1]:.2f} in {len(values)} rounds' if len(values) > 1 else ''
    good = value >= limit if wanted.startswith('>=') else value <= limit
    verdict = 'good' if good else 'MISSED'
    print(f'ratio {what}: {ours} / {theirs} = {value:.2f}{spread} (wanted {wanted[:2]} {limit:g}) {verdict}')
    return good


def main(title, runs, ratios, tls=None):
    """Run `runs` ({name: function}) one after the other and print `ratios` (rows for ratio()). A server that cannot be
    had is named and left out. Exits 1 when a wanted ratio is missed or could not be measured.

    tls  (title, runs, ratios) for --tls
    """
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument('--only', action='append', help='name of a run; may be given again')
    parser.add_argument('--tls', action='store_true', help='the same under TLS, where there is such a bench')
    asked = parser.parse_args()
    if asked.tls:
        if tls is None:
            parser.error('there is no such bench under TLS')
        title, runs, ratios = tls
    asked_for[:] = asked.only or []
    process.end_on_sigterm()
    print(f'== {title} ({CORES} cores, generator on the same)')
    results, status = {}, 0
    for name, run in runs.items():
        if not is_asked(name):
            continue
        where = process.folder('bench')
        try:
            results[name] = run(name, where)
        except Skip as reason:
            print(f'{name:24} SKIP {reason}')
        except Trouble as reason:
            print(f'{name:24} FAIL {reason}')
            status = 1
        finally:
            process.remove(where)
    for line in ratios:
        if not ratio(results, *line):
            status = 1
    sys.exit(status)
