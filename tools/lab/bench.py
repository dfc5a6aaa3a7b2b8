# SPDX-License-Identifier: ISC
"""What the benches share: rows of a table, what bounds a run, and ratios."""
import argparse
import os
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


def row(name, loaded, meter, count, seconds):
    """Print one server's line; returns what ratios are made of."""
    rate, cpu_ms = count / seconds, meter['cpu'] * 1000 / max(count, 1)
    print(f'{name:24} {rate:9.0f}/s  server {cpu_ms:7.3f} ms CPU each  generator {loaded["cpu_seconds"]:6.2f} s  '
          f'p50 {loaded["p50_ms"]:.1f} p99 {loaded["p99_ms"]:.1f} ms  {meter["flushes"]:.0f} flushes/s', flush=True)
    print(f'{"":24} bound by {bound_by(loaded, meter)}', flush=True)
    for key in ('refused', 'lost'):
        if loaded[key]:
            print(f'{"":24} {loaded[key]} {key}: {loaded["refusal"]}', flush=True)
    return {'rate': rate, 'cpu_ms': cpu_ms, 'refused': loaded['refused'], 'lost': loaded['lost']}


def ratio(results, what, ours, theirs, key, wanted):
    """One line: ours against theirs, and whether it is as wanted ('>=5' or '<=0.12')."""
    missing = [name for name in (ours, theirs) if name not in results]
    if missing:
        if not (is_asked(ours) and is_asked(theirs)):
            return True
        print(f'ratio {what}: {ours} / {theirs} NOT MEASURED: no {" and no ".join(missing)}, as said above')
        return wanted == '>=0'
    value = results[ours][key] / results[theirs][key] if results[theirs][key] else float('inf')
    limit = float(wanted[2:])
    good = value >= limit if wanted.startswith('>=') else value <= limit
    verdict = 'good' if good else 'MISSED'
    print(f'ratio {what}: {ours} / {theirs} = {value:.2f} (wanted {wanted[:2]} {limit:g}) {verdict}')
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
