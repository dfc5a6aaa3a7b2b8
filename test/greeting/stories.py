#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The stories that the judge must get right: stories.jsonl, one a line, each with all its DNS.

Beside the scenario a line may say `want` (what becomes of it under observe, standard, strict), `facts` (some of them),
`causes` (all findings under standard, in order), `table` (how the entry compares with DNS), `stage`, and `text` (what
the words of the refusal under strict must hold).

    stories.py HERALD
"""
import json
import sys

import labelled

WANTS = ('want', 'facts', 'causes', 'table', 'text', 'stage')


def load():
    return [json.loads(line) for line in (labelled.HERE / 'stories.jsonl').read_text(encoding='utf-8').splitlines()]


def faults(story, results):
    """What differs, over the results under the three presets."""
    _, standard, strict = results
    got = {
        'want': [labelled.outcome(r) for r in results],
        'facts': {k: standard['facts'].get(k) for k in story.get('facts', ())},
        'causes': [f['cause'] for f in standard['findings']],
        'table': standard['table'],
        'stage': strict['verdict']['stage'],
    }
    wrong = [f'{k}: want {story[k]}, got {got[k]}' for k in got if k in story and story[k] != got[k]]
    words = ' '.join(strict['verdict']['text'])
    if story.get('text', '') not in words:
        wrong.append(f'text: want {story["text"]!r} in {words!r}')
    return wrong


def main():
    stories = load()
    scenarios = [{k: v for k, v in s.items() if k not in WANTS} for s in stories]
    columns = [labelled.judge(sys.argv[1], [{**s, 'policy': p} for s in scenarios]) for p in labelled.PRESETS]
    failed = 0
    for story, results in zip(stories, zip(*columns)):
        wrong = faults(story, results)
        failed += bool(wrong)
        if wrong:
            print(f'{story["id"]}\n  ' + '\n  '.join(wrong))
    print(f'{len(stories) - failed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
