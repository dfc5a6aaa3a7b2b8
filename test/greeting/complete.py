#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Every check has its evidence: a page of its cause, a scenario in which it fires, one in which it does not.

The checks are read out of the table in src/greeting/check.c, the scenarios are those of stories.jsonl and
labelled.jsonl. A check counts as fired where the result has its cause with its severity and no other facts than its
own. Each cause that a preset enforces must also be the cause of a refusal, so that its words are spoken.

    complete.py HERALD
"""
import pathlib
import re
import sys

import labelled
import stories

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROW = re.compile(r'\[(CHECK_\w+)\] = \{SPAN_INIT\("([\w.]+)"\), \w+,\s*SEVERITY_(\w+), \w+, (\w+),\s*([^}]*)\}')
PAGE_WORDS = ('id:', 'title:', 'rfc:')


def read_checks():
    """{name: (cause, severity, enforced anywhere, facts)}, and how many the enum has."""
    text = (ROOT / 'src/greeting/check.c').read_text(encoding='utf-8')
    ties = set(re.findall(r'BIT\(FACT_(\w+)\)', text.partition('#define TIES')[2].partition('\n/*')[0]))
    checks = {}
    for name, cause, severity, states, because in ROW.findall(text):
        facts = set(re.findall(r'FACT_(\w+)', because)) | (ties if 'TIES' in because else set())
        facts |= {'history.' + value for value in re.findall(r'HISTORY_(\w+)', because)}
        checks[name] = (cause, severity.lower(), states != 'NEVER', frozenset(fact.lower() for fact in facts))
    enum = (ROOT / 'src/greeting/judge.h').read_text(encoding='utf-8')
    names = re.findall(r'^    (CHECK_\w+),(?: /\*.*)?$', enum, re.MULTILINE)
    return checks, set(names)


def scenarios():
    world, cases = labelled.load()
    return [{k: v for k, v in story.items() if k not in stories.WANTS} for story in stories.load()] + \
        [labelled.scenario(world, case, 'standard') for case in cases]


def found(result):
    """The checks of a result, by what tells them apart."""
    return {(f['cause'], f['severity'], frozenset(fact.partition('=')[0] for fact in f['because']))
            for f in result['findings']}


def main():
    checks, names = read_checks()
    lines = scenarios()
    results = {preset: labelled.judge(sys.argv[1], [{**line, 'policy': preset} for line in lines])
               for preset in labelled.PRESETS}
    fired = [found(result) for result in results['standard']]
    refused = {result['verdict']['cause'] for column in results.values() for result in column}
    wrong = [f'{name}: the table has no row that this test can read' for name in sorted(names - checks.keys())]
    for name, (cause, severity, enforced, facts) in sorted(checks.items()):
        times = sum(any(one[:2] == (cause, severity) and one[2] <= facts and bool(one[2]) == bool(facts)
                        for one in line) for line in fired)
        page = ROOT / 'knowledge' / f'{cause}.md'
        if not page.is_file() or any(word not in page.read_text(encoding='utf-8') for word in PAGE_WORDS):
            wrong.append(f'{name}: {page} is not there, or lacks one of {", ".join(PAGE_WORDS)}')
        if times == 0:
            wrong.append(f'{name} ({cause}): no scenario in which it fires')
        if times == len(fired):
            wrong.append(f'{name} ({cause}): no scenario in which it does not fire')
        if enforced and cause not in refused:
            wrong.append(f'{name} ({cause}): no scenario that is refused for it')
    print('\n'.join([*wrong, f'{3 * len(names) - len(wrong)} passed, {len(wrong)} failed']))
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
