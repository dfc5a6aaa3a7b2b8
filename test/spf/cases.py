#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Run the SPF evaluations of cases.txt (its form is described there) through `herald spf`.

    cases.py HERALD
"""
import json
import pathlib
import re
import subprocess
import sys

CASES = pathlib.Path(__file__).resolve().parent / 'cases.txt'
STATUS = ('TIMEOUT', 'SERVFAIL', 'BOGUS', 'NODATA', 'NXDOMAIN')
MORE = re.compile(r'\b(from|helo|exp|lookups|void)=')


def zone_row(line):
    name, kind, *data = line.split()
    if kind in STATUS:
        return {'name': name, 'status': kind}
    if kind == 'TXT':
        return {'name': name, 'type': 'TXT', 'data': [line.split(None, 2)[2] if data else '']}
    if kind == 'MX':
        data = [f'{p} {host}' for p, host in zip(data[::2], data[1::2])]
    return {'name': name, 'type': kind, 'data': data}


def options(text):
    """{"from": ..., "exp": ...}: each value goes up to the next key; exp is the last and may hold anything."""
    found = {}
    rest = text
    while match := MORE.search(rest):
        key, rest = match[1], rest[match.end():]
        following = None if key == 'exp' else MORE.search(rest)
        found[key] = (rest[:following.start()] if following else rest).strip()
        rest = rest[following.start():] if following else ''
    return found


def load():
    zone, cases = [], []
    for number, line in enumerate(CASES.read_text(encoding='utf-8').splitlines(), 1):
        if not line.strip() or line.startswith('#'):
            continue
        if line.startswith('='):
            zone.append(zone_row(line[1:].strip()))
            continue
        client, record, want, *more = line.split(' | ')
        more = options(more[0] if more else '')
        record = [] if record == '-' else [{'name': 't.example', 'type': 'TXT', 'data': [record]}]
        scenario = {'id': number, 'client': client, 'greeting': more.get('helo', 'helo.example'),
                    'mail_from': more.get('from', 'user@t.example'), 'dns': zone + record}
        cases.append((line, want.split(), more, scenario))
    return cases


def faults(want, more, got):
    """What differs from what the line says."""
    pairs = [('result', want[0])]
    if len(want) > 1:
        pairs.append(('mechanism', want[1]))
    if 'exp' in more:
        pairs.append(('explanation', more['exp'] or None))
    counts = (('lookups', 'lookups'), ('void', 'void_lookups'))
    pairs += [(field, int(more[key])) for key, field in counts if key in more]
    return [f'{key}: want {value!r}, got {got.get(key)!r}' for key, value in pairs if got.get(key) != value]


def main():
    cases = load()
    lines = ''.join(json.dumps(scenario) + '\n' for *_, scenario in cases)
    command = [sys.argv[1], 'spf', '--scenario', '-']
    run = subprocess.run(command, input=lines.encode(), stdout=subprocess.PIPE, check=True)
    results = [json.loads(line) for line in run.stdout.decode().splitlines()]
    failed = 0
    for (line, want, more, scenario), got in zip(cases, results, strict=True):
        wrong = faults(want, more, got)
        failed += bool(wrong)
        if wrong:
            print(f'line {scenario["id"]}: {line}\n  ' + '\n  '.join(wrong))
    print(f'{len(cases) - failed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
