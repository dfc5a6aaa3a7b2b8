#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Run the public RFC 7208 test suite (openspf, release 2014.04) through `herald spf`.

The suite is not part of herald: it is taken from Debian's python3-spf package, which is
downloaded and unpacked (not installed) into a directory of its own, once.

    rfc7208.py COMMAND... -- DIRECTORY

COMMAND is how to call herald (`build/herald`), DIRECTORY keeps the package. Exit 77 (skipped)
when the package cannot be had.
"""
import gzip
import json
import pathlib
import subprocess
import sys

SUITE = 'usr/share/doc/python3-spf/rfc7208-tests.yml.gz'
DEFAULT_EXPLANATION = 'DEFAULT'  # the suite's word for: no explanation of the domain's own


def suite_file(directory):
    path = directory / SUITE
    if path.exists():
        return path
    directory.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(['apt-get', 'download', '-q', 'python3-spf'], cwd=directory, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for deb in directory.glob('python3-spf_*.deb'):
            subprocess.run(['dpkg-deb', '-x', deb, directory], check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return path if path.exists() else None


def load(path):
    """The YAML documents. PyYAML refuses the suite's raw control octets, so they are let in."""
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    return [d for d in yaml.load_all(gzip.open(path, 'rt', encoding='utf-8'), Loader) if d]


def text(value):
    return value if isinstance(value, str) else str(value)


def dns_rows(name, entries):
    """One zone entry as rows of a scenario, as the suite's own driver reads it.

    SPF stands for TXT where no TXT is given; "TXT: NONE" says that there is none, and
    TIMEOUT is for every type without data.
    """
    rows = []
    given = {kind for e in entries if isinstance(e, dict) for kind in e}
    answered = set()
    for entry in entries:
        if entry == 'TIMEOUT':
            continue
        for kind, value in entry.items():
            if kind == 'SPF' and 'TXT' in given or value == 'NONE':
                continue
            kind = 'TXT' if kind == 'SPF' else kind
            answered.add(kind)
            rows.append({'name': name, 'type': kind, 'data': [record(kind, value)]})
    if 'CNAME' in given:
        return rows
    for kind in {'A', 'AAAA', 'MX', 'PTR', 'TXT'} - answered:
        rows.append({'name': name, 'type': kind,
                     'status': 'TIMEOUT' if 'TIMEOUT' in entries else 'NODATA'})
    return rows


def record(kind, value):
    if kind == 'TXT':
        return [text(v) for v in value] if isinstance(value, list) else [text(value)]
    if kind == 'MX':
        return f'{value[0]} {value[1] or "."}'
    return text(value)


def scenarios(documents):
    for document in documents:
        dns = []
        for name, entries in document['zonedata'].items():
            dns += dns_rows(text(name), entries)
        for test, case in document['tests'].items():
            yield case, {'id': f"{document['description']}: {test}", 'client': text(case['host']),
                         'greeting': case['helo'], 'mail_from': case['mailfrom'] or '', 'dns': dns}


def is_right(case, got):
    want = case['result'] if isinstance(case['result'], list) else [case['result']]
    explanation = case.get('explanation')
    if explanation == DEFAULT_EXPLANATION:
        explanation = None
    if got.get('result') not in want:
        return False
    return 'explanation' not in case or got['explanation'] == explanation


def main():
    cut = sys.argv.index('--')
    command, directory = sys.argv[1:cut], pathlib.Path(sys.argv[cut + 1])
    path = suite_file(directory)
    if path is None:
        print('skipped: the package python3-spf cannot be downloaded')
        return 77
    cases = list(scenarios(load(path)))
    lines = ''.join(json.dumps(s) + '\n' for _, s in cases)
    run = subprocess.run(command + ['spf', '--scenario', '-'], input=lines.encode(),
                         stdout=subprocess.PIPE, check=False)
    results = [json.loads(line) for line in run.stdout.decode().splitlines()]
    if len(results) != len(cases):
        print(f'{len(results)} results for {len(cases)} cases')
        return 1
    wrong = 0
    for (case, scenario), got in zip(cases, results):
        if not is_right(case, got):
            wrong += 1
            print(f"{scenario['id']}\n  want {case['result']} {case.get('explanation')}\n  got  {got}")
    print(f'RFC 7208 test suite: {len(cases) - wrong}/{len(cases)}')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
