#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What real mail servers say to the labelled greetings: each is greeted from the client's own address, live.

Runs in a world of its own (lab/abroad.py) with the DNS of world.json on port 53. Prints JSON:
{SERVER: {case id: [stage, code, text]}}; the stage is the first command that was refused, `rcpt` 250 when none was.

    others.py POLICY SERVER...     through lab/abroad.py
"""
import concurrent.futures
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'test/live'), str(HERE)]
import dns  # noqa: E402
import labelled  # noqa: E402
from lab import abroad, foreign, process  # noqa: E402

TO = 'alice@example.test'
AT_ONCE = 16  # sessions: some wait for a DNS that does not answer
KINDS = ('A', 'AAAA', 'MX', 'TXT', 'PTR')
# What a server cannot be told for one case alone: other names of its own, exemptions, what was vouched for.
PRIVATE = ('server', 'exempt', 'now')


def zone(world):
    """The records of world.json as dns.Server takes them."""
    found = {}
    for row in world['dns']:
        status = {'BOGUS': 'SERVFAIL'}.get(row.get('status'), row.get('status'))
        for kind in [row['type']] if 'type' in row else KINDS:
            if status:
                found[row['name'], kind] = status
            else:
                found.setdefault((row['name'], kind), []).extend(row['data'])
    return found


def sayable(case):
    return not any(key in case for key in PRIVATE)


def is_submission(case):
    """Clients that log in, or come to the port where they have to."""
    return case.get('authenticated', False) or case.get('port') == 'submission'


def converse(port, case):
    verb = case.get('verb', 'EHLO')
    with abroad.Client(port, case['client']) as client:
        code, text = client.reply()
        if code != 220:
            return 'connect', code, text
        if case.get('changed'):
            client.ask(b'EHLO changed.example.com')
        for stage, line in (('helo', f'{verb} {case["greeting"]}'.encode()), ('mail', b'MAIL FROM:<bob@far.example>'),
                            ('rcpt', b'RCPT TO:<' + TO.encode() + b'>')):
            code, text = client.ask(line)
            if code // 100 != 2:
                break
        if code != 0:
            client.ask(b'QUIT')
        return stage, code, text


def judge_all(server, cases, guarded):
    """Clients that log in are not asked about at a guard: they come to the other port."""
    ports = {False: server.port, True: None if guarded else server.submission}
    asked = [case for case in cases if ports[is_submission(case)]]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        said = pool.map(lambda case: converse(ports[is_submission(case)], case), asked)
        return {case['id']: reply for case, reply in zip(asked, said)}


POSTFIX_CHECKS = ('permit_mynetworks, permit_sasl_authenticated, {own}reject_invalid_helo_hostname, '
                  'reject_non_fqdn_helo_hostname, reject_unknown_helo_hostname')


def guard(where, world, policy):
    return foreign.Guard(where / 'guard', foreign.world_settings(world, policy))


def postfix_checks(where, world, _policy):
    return foreign.Postfix(where / 'postfix', world, smtpd_helo_restrictions=POSTFIX_CHECKS.format(own='')), None


def postfix_own(where, world, _policy):
    """The three checks and, as many guides have it, a table of our own names, domains and addresses."""
    table, us = where / 'helo_access', world['server']
    keys = [*us['names'], *us['domains'], *us['addresses'], *(f'[{address}]' for address in us['addresses'])]
    table.write_text(''.join(f'{key} REJECT that is us\n' for key in keys))
    checks = POSTFIX_CHECKS.format(own=f'check_helo_access texthash:{table}, ')
    return foreign.Postfix(where / 'postfix', world, smtpd_helo_restrictions=checks), None


def postfix_policy(where, world, policy):
    asked = guard(where, world, policy)
    settings = foreign.documented_postfix('postfix-policy', asked.policy)
    return foreign.Postfix(where / 'postfix', world, **settings), asked


def postfix_milter(where, world, policy):
    asked = guard(where, world, policy)
    settings = foreign.documented_postfix('postfix-milter', asked.milter)
    return foreign.Postfix(where / 'postfix', world, **settings), asked


def sendmail_milter(where, world, policy):
    asked = guard(where, world, policy)
    return foreign.Sendmail(where / 'sendmail', world, asked.milter), asked


def exim_guard(where, world, policy):
    asked = guard(where, world, policy)
    return foreign.Exim(where / 'exim', world, *foreign.Exim.guarded(asked.exim)), asked


def exim_verify(where, world, _policy):
    return foreign.Exim(where / 'exim', world, foreign.Exim.VERIFY), None


def exim_panel(where, world, _policy):
    return foreign.Exim(where / 'exim', world, foreign.Exim.PANEL), None


def herald(where, world, policy):
    return foreign.Herald(where / 'herald', world, policy), None


# Where a server changes what the client said, or answers before anybody is asked.
DIFFERS = {
    'postfix policy': {'b205': 'Postfix drops a NUL', 'b210': 'Postfix shows control octets as it does blanks'},
    'postfix milter': {'b205': 'Postfix drops a NUL'},
    'sendmail milter': {
        'b202': 'Sendmail takes the first word', 'b207': 'Sendmail takes the first word',
        'b208': 'Sendmail takes the first word', 'b210': 'Sendmail takes the first word',
        'b205': 'Sendmail ends at a NUL', 'b204': 'Sendmail answers 421 to a long command',
    },
    'exim guard': {'b198': 'Exim itself answers 421 to a zone in a literal'},
}
OUR_WORDS = ('You greeted us', 'cannot be a host name')
SERVERS = {
    'herald': herald, 'postfix checks': postfix_checks, 'postfix checks and own names': postfix_own,
    'postfix policy': postfix_policy, 'postfix milter': postfix_milter, 'sendmail milter': sendmail_milter,
    'exim guard': exim_guard, 'exim verify': exim_verify, 'exim panel': exim_panel,
}


def judge(name, policy, world, cases):
    where = process.folder('others')
    try:
        server, asked = SERVERS[name](where, world, policy)
        try:
            if asked:
                asked.ready()
            server.ready()
            return judge_all(server, cases, asked is not None)
        finally:
            server.stop()
            if asked:
                asked.stop()
    finally:
        process.remove(where)


def ask(policy, names):
    """The same from outside of that world."""
    return abroad.run([__file__, policy, *names])


def outcome(code):
    return {2: 'accept', 4: 'defer'}.get(code // 100, 'refuse')


def is_worded(name, greeting, code, text):
    """Whether the client is told why in our words. What is empty or holds a NUL each server refuses in its own."""
    return name == 'herald' or outcome(code) == 'accept' or not greeting.strip() or '\0' in greeting or \
        any(words in text for words in OUR_WORDS)


def differences(policy, name):
    """(how many greetings a server with the guard was asked about, where it did or said otherwise than herald)."""
    preset = labelled.PRESETS.index(policy)
    cases = {case['id']: case for case in labelled.load()[1]}
    found = ask(policy, [name])[name]
    wrong = []
    for name_of, (stage, code, text) in found.items():
        case = cases[name_of]
        right = outcome(code) == case['want'][preset].split()[0] and is_worded(name, case['greeting'], code, text)
        if not right and name_of not in DIFFERS.get(name, {}):
            wrong.append(f'{name_of} {case["greeting"][:60]!r} of {case["client"]}: wanted {case["want"][preset]}, '
                         f'got {code} at {stage}: {text}')
    return len(found), wrong


def main():
    process.end_on_sigterm()
    world, cases = labelled.load()
    dns.TTL = 3600
    with dns.Server(zone(world), 53):
        found = {name: judge(name, sys.argv[1], world, [c for c in cases if sayable(c)]) for name in sys.argv[2:]}
    print(json.dumps(found))


if __name__ == '__main__':
    main()
