#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The labelled set of greetings: read it, judge it with herald, compare and count.

world.json holds one server and one DNS for all; labelled.jsonl one greeting a line with its label

    legitimate  an honest client, tidy or not: `standard` must let it in
    protected   RFC 5321 4.1.4 forbids to refuse it
    broken      not a name at all, or not by the grammar: 501 is the right answer
    forged      claims what is ours, or what its owner forbids

and `want`: what becomes of it under observe, standard and strict ("accept", "refuse CAUSE", "defer CAUSE").

    labelled.py HERALD    check; exits 1 when a verdict is not the one wanted
"""
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PRESETS = ('observe', 'standard', 'strict')
LABELS = ('legitimate', 'protected', 'broken', 'forged')
NOT_SCENARIO = ('label', 'story', 'want')


def load():
    world = json.loads((HERE / 'world.json').read_text(encoding='utf-8'))
    lines = (HERE / 'labelled.jsonl').read_text(encoding='utf-8').splitlines()
    return world, [json.loads(line) for line in lines]


def scenario(world, case, preset):
    """A case as herald takes it: the world's server and DNS, and what the case says of itself."""
    whole = {'trusted': world['trusted'], 'policy': preset, 'dns': world['dns']}
    whole.update({k: v for k, v in case.items() if k not in NOT_SCENARIO})
    whole['server'] = {**world['server'], **case.get('server', {})}
    return whole


def judge(herald, scenarios):
    lines = ''.join(json.dumps(s) + '\n' for s in scenarios)
    run = subprocess.run([herald, 'judge', '--scenario', '-'], input=lines.encode(), stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in run.stdout.decode().splitlines()]


def outcome(result):
    verdict = result['verdict']
    return verdict['action'] + (f" {verdict['cause']}" if verdict['cause'] else '')


def outcomes(herald):
    """(case, [what becomes of it under each preset]) for the whole set."""
    world, cases = load()
    columns = [judge(herald, [scenario(world, c, p) for c in cases]) for p in PRESETS]
    return [(case, [outcome(column[i]) for column in columns]) for i, case in enumerate(cases)]


def main():
    wrong = 0
    every = outcomes(sys.argv[1])
    for case, got in every:
        if got != case['want']:
            wrong += 1
            print(f"{case['id']} {case['story']}: {case['client']} {case['greeting'][:60]!r}\n"
                  f"  want {case['want']}\n  got  {got}")
    print(f'{len(every) - wrong} passed, {wrong} failed')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
