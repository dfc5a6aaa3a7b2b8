#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Scenario files with bad lines: each line has its answer in its place, and the good ones are judged.

    lines.py HERALD
"""
import json
import subprocess
import sys

GOOD = '{"id":%d,"client":"198.51.100.7","greeting":"mail.example.com"}'
BIG = json.dumps({'id': 5, 'client': '198.51.100.7', 'greeting': 'a.example',
                  'dns': [{'name': 'a.example', 'type': 'TXT', 'data': ['v=spf1 ' + 'x' * 10_000_000]}]})
# line, whether it is a scenario, the id that its answer has
LINES = (
    (GOOD % 1, True, 1),
    ('not json', False, None),
    ('[1]', False, None),
    ('{"id":"two","client":"nobody","greeting":"x"}', False, 'two'),
    (BIG, True, 5),
    ('{"id":6,"client":"::1","greeting":"x","policy":"lenient"}', False, 6),
    ('{"id":7,"client":"::1","greeting":"x","dns":[{"name":"a.example","type":"A","data":["300.1.1.1"]}]}', False, 7),
    ('{"id":8,"client":"::1"}', True, 8),
    (GOOD % 9, True, 9),
    ('{"id":10,"client":"::1","greeting":5}', False, 10),
    ('{"id":11,"client":"::1","greeting":"x","authenticated":"yes"}', False, 11),
    ('{"id":12,"client":"::1","greeting":"x","policy":["strict"]}', False, 12),
    ('{"id":13,"client":"::1","greeting":"x","now":"today"}', False, 13),
    ('{"id":14,"client":"::1","greeting":null,"verb":null}', True, 14),
    ('\x1b[31mred', False, None),
    ('{"id":16,"client":"::1","greeting":"x","checks":{"\\u001b[31m\\r\\nhelo":"off"}}', False, 16),
)


def main():
    text = '\n'.join(line for line, *_ in LINES) + '\n\n'
    words = [sys.argv[1], 'judge', '--scenario', '-']
    run = subprocess.run(words, input=text.encode(), capture_output=True, check=False)
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    complaints = run.stderr.decode().splitlines()
    failed = 0
    if run.returncode != 65 or len(complaints) != sum(not good for _, good, _ in LINES):
        print(f'exit {run.returncode}, {len(complaints)} complaints')
        failed += 1
    if any(ord(octet) < 32 for octet in ''.join(complaints)):
        print(f'control octets reach the terminal: {complaints}')
        failed += 1
    if len(answers) != len(LINES):
        print(f'{len(answers)} answers to {len(LINES)} lines')
        failed += 1
    for (line, good, wanted), answer in zip(LINES, answers):
        if answer['id'] != wanted or ('verdict' in answer) != good or ('error' in answer) == good:
            print(f'{line[:80]}: {json.dumps(answer)[:200]}')
            failed += 1
    print(f'{len(LINES) + 3 - failed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
