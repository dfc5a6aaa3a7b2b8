# SPDX-License-Identifier: ISC
"""Tables that change under a running server, what the operator says of names, and the name that we say ourselves."""
import json
import os

import dns
from greeting import OWN, SILENT, STRANGER, TO, WEB, ZONE, herald, said
from lab import mail, process, servers, smtpd
from lab.cases import case
from lab.dialogue import Dialogue
from lab.process import Skip, Trouble
from mx import FIRST, far_server, submit

POD = 'web-7d9f8b6c5-x2x9q'


def answer(server, recipient):
    """The code of RCPT in a session of its own."""
    with Dialogue(server.port, source=STRANGER) as client:
        said(client, 'far.example')
        client.ask('MAIL FROM:<bob@far.example>', 250)
        client.send(f'RCPT TO:<{recipient}>\r\n')
        return int(client.reply()[:3])


@case('a file of domains that changes is read anew by itself; sessions go on, bad lines are named')
def changes(where):
    table = where / 'localdomains'
    table.write_text('example.test\n')
    with dns.Server(ZONE) as names, herald(where, names, domains=f'["file:{table}"]') as server:
        server.ready()
        with Dialogue(server.port, source=STRANGER) as old:
            said(old, 'far.example')
            if answer(server, 'alice@new.test') != 550:
                raise Trouble('a domain that is not in the table is taken')
            table.write_text('# ours\nexample.test\nnot a domain\nnew.test\n')
            process.until(lambda: answer(server, 'alice@new.test') == 250, 20, 'the new domain is not taken')
            warned = ' '.join(event['text'] for event in server.events('config.warning'))
            if f'{table}:3:' not in warned:
                raise Trouble(f'the bad line is not named: {warned}')
            if 'warning: ' in warned:
                raise Trouble(f'the event says twice that it is a warning: {warned}')
            old.message(mail.text('old'), 250, sender='bob@far.example')
        mail.arrival(server.maildir(), 'old')


@case('a file of domains that vanishes: the table stays, and the log names the file')
def vanishes(where):
    table = where / 'localdomains'
    table.write_text('example.test\n')
    with dns.Server(ZONE) as names, herald(where, names, domains=f'["file:{table}"]') as server:
        server.ready()
        table.unlink()
        server.heard('config.bad', str(table))
        if answer(server, TO) != 250:
            raise Trouble('the table is gone with its file')
        table.write_text('example.test\nback.test\n')
        process.until(lambda: answer(server, 'alice@back.test') == 250, 20, 'the file that is back is not read')


def sees(where, source, greeting, code, keys):
    """A greeting under tables of all kinds: the answer to RCPT."""
    (where / 'relay').write_text('# Postfix\nhosted.example  relay\n   and more\n')
    (where / 'helo').write_text('*: server1.herald.test\n"shop.example": mail.shop.example\n')
    (where / 'ips').write_text('*: 198.51.100.10\nshop.example: 198.51.100.11\n')
    timeout = '2s' if source == SILENT else '20s'
    with dns.Server(ZONE) as names, herald(where, names, keys, timeout,
                                           relay_domains=f'["postfix:{where}/relay"]') as server:
        server.ready()
        with Dialogue(server.port, source=source) as client:
            said(client, greeting)
            client.ask('MAIL FROM:<bob@far.example>', 250)
            client.ask(f'RCPT TO:<{TO}>', code)


case('a name of cPanel\'s mailhelo is our own', STRANGER, 'MAIL.shop.example.', 550,
     'own_names = ["mailhelo:../helo"];')(sees)
case('a name with letters beyond ASCII is our own in A-labels', STRANGER, 'xn--bcher-KVA.example', 550,
     'own_names = ["bücher.example"];')(sees)
case('an address of cPanel\'s mailips is our own', STRANGER, '[198.51.100.11]', 550,
     'own_addresses = ["mailips:../ips"];')(sees)
case('a domain of a Postfix table is hosted here', STRANGER, 'hosted.example', 550, '')(sees)
case('a client that the operator answers for may greet with our name', STRANGER, OWN, 250,
     f'vouched = ["{STRANGER} {OWN}"];')(sees)
case('but with that name alone', STRANGER, 'example.test', 550, f'vouched = ["{STRANGER} {OWN}"];')(sees)
case('and that client alone', SILENT, OWN, 451, f'vouched = ["{STRANGER} {OWN}"];')(sees)
LISTED = 'listed = ["*.dyn.far.example"];'
ENFORCED = LISTED + ' check "helo.listed" = enforce;'
case('a greeting on the operator\'s list is noted under standard', STRANGER, 'pc7.dyn.far.example', 250, LISTED)(sees)
case('and refused where the operator enforces it', STRANGER, 'pc7.dyn.far.example', 550, ENFORCED)(sees)
case('a greeting beside the operator\'s list', STRANGER, 'dyn.far.example', 250, ENFORCED)(sees)


@case('a domain that moved away: its new server is accepted, and the entry is told as stale')
def stale(where):
    zone = {**ZONE, ('example.test', 'A'): [WEB], ('example.test', 'MX'): ['10 web1.far.example']}
    with dns.Server(zone) as names, herald(where, names, workers='1') as server:
        server.ready()
        for number in range(2):
            with Dialogue(server.port, source=WEB) as client:
                said(client, 'example.test')
                client.message(mail.text(f'stale{number}'), 250, sender='bob@far.example')
        server.events('table.stale')
        told = server.final_events('table.stale')
        if [event['name'] for event in told] != ['example.test']:
            raise Trouble(f'the log says: {told}')


@case('herald in a pod: says nothing to the outside, says what to set, and with the setting the mail goes')
def pod(where):
    if os.geteuid() != 0:
        raise Skip('a host name of its own needs root')
    zone = {('far.example', 'MX'): ['10 mx1.far.example'], ('mx1.far.example', 'A'): [FIRST]}
    with far_server(FIRST) as far, dns.Server(zone) as names:
        extra = f'route "*" {{ via = mx; }} dns {{ servers = ["127.0.0.1@{names.port}"]; }} queue {{ retry = [1s]; }}'
        near = servers.Herald(where / 'first', extra=extra, domains='["sender.test"]')
        good = near.settings.pop('hostname')
        near.write_conf()
        near.words = ['unshare', '--uts', 'sh', '-c', f'hostname {POD}; exec "$@"', 'sh', *near.words]
        with near:
            near.ready()
            submit(near, mail.text('pod'), 'alice@far.example')
            told = near.events('delivery.deferred')
            near.queue_says('set hostname', POD)
            checked = ' '.join(event.get('reason', '') for event in near.events('egress.check'))
            for place, words in (('the delivery', str(told)), ('the check', checked)):
                if 'set hostname' not in words or POD not in words:
                    raise Trouble(f'{place} does not say what to set: {words}')
            if far.sessions:
                raise Trouble('it spoke to the outside')
            near.settings['hostname'] = good
            near.write_conf()
            near.reload()
            process.until(lambda: far.messages, 20, 'the mail does not go')
            if far.commands[0] != 'EHLO mx.herald.test':
                raise Trouble(f'it said {far.commands}')


SELF_ZONE = {('9.113.0.203.in-addr.arpa', 'PTR'): ['mta1.herald.test', 'other.herald.test'],
             ('mta1.herald.test', 'A'): ['203.0.113.9'], ('mta1.herald.test', 'TXT'): ['v=spf1 a -all'],
             ('8.113.0.203.in-addr.arpa', 'PTR'): ['bad.herald.test'], ('bad.herald.test', 'A'): ['203.0.113.99'],
             ('7.113.0.203.in-addr.arpa', 'PTR'): 'TIMEOUT'}
TIED = {'standard': 'accept', 'strict': 'accept', 'exim verify = helo': 'accept',
        'a receiver that owns the name': 'accept', 'forward-confirmed reverse DNS': 'accept',
        'postfix reject_unknown_helo_hostname': 'accept'}


def judged_self(where, egress, code, row, receivers, words=()):
    """What `herald judge --self` says of one egress, against scripted DNS."""
    timeout = '2s' if '203.0.113.7' in egress else '20s'
    with dns.Server(SELF_ZONE) as names:
        extra = f'egress "out" {{ {egress} }} dns {{ servers = ["127.0.0.1@{names.port}"]; timeout = {timeout}; }}'
        server = servers.Herald(where / 'herald', extra=extra, hostname='"web-0.web.prod.svc.cluster.local"')
        done = server.command('judge', '--self', '--json', *words, check=False)
        got = json.loads(done.stdout)
        told = server.command('judge', '--self', *words, check=False)
    if done.returncode != code or told.returncode != code or got['advice'] not in told.stdout:
        raise Trouble(f'it ended with {done.returncode}: {done.stdout} {told.stdout} {told.stderr}')
    for key, value in row.items():
        if got[key] != value and not (key == 'advice' and value in got[key]):
            raise Trouble(f'{key}: wanted {value}, got {got}')
    for key, value in receivers.items():
        if value not in got['receivers'][key]:
            raise Trouble(f'{key}: wanted {value}, got {got["receivers"]}')


case('judge --self: a reverse name that leads back, accepted by everybody', 'address = "203.0.113.9";', 0,
     {'greeting': 'mta1.herald.test', 'rule': 'ptr', 'ptr': ['mta1.herald.test', 'other.herald.test'],
      'forward': ['mta1.herald.test']}, TIED)(judged_self)
case('judge --self: a literal, and who refuses it', 'address = "203.0.113.8";', 1,
     {'greeting': '[203.0.113.8]', 'rule': 'literal', 'advice': 'publish: 8.113.0.203.in-addr.arpa. PTR '},
     {'standard': 'accept', 'forward-confirmed reverse DNS': 'does not lead back'})(judged_self)
case('judge --self: a name that is not tied, and who refuses it',
     'address = "203.0.113.9"; greeting = "bad.herald.test";', 1,
     {'greeting': 'bad.herald.test', 'rule': 'map', 'advice': 'publish: bad.herald.test. A 203.0.113.9'},
     {'standard': 'accept', 'exim verify = helo': '550', 'a receiver that owns the name': 'helo.forged_local.server',
      'postfix reject_unknown_helo_hostname': 'accept'})(judged_self)
case('judge --self: DNS that does not answer is not taken for no reverse name',
     'address = "203.0.113.7"; greeting = "mta1.herald.test";', 1,
     {'greeting': 'mta1.herald.test', 'ptr': None, 'forward': None, 'advice': 'DNS did not answer'},
     {'forward-confirmed reverse DNS': '450, DNS did not answer'})(judged_self)
case('judge --self: behind NAT with nothing to say', 'address = "10.42.3.17";', 78,
     {'greeting': None, 'rule': 'nothing', 'public_address': None, 'advice': 'set public_address'}, {})(judged_self)
case('judge --self: behind NAT with the public address', 'address = "10.42.3.17"; public_address = "203.0.113.9";', 0,
     {'greeting': 'mta1.herald.test', 'rule': 'ptr', 'address': '10.42.3.17'}, TIED)(judged_self)


@case('judge --self --peer: the peer is greeted, its reply is quoted, and the address it sees is used')
def peered(where):
    answers = {'EHLO': '250-far.example Hello mta1.herald.test [203.0.113.9]\r\n250 SIZE'}
    with smtpd.Server(answers) as far:
        judged_self(where, 'address = "127.0.0.1"; greeting = "mta1.herald.test";', 0,
                    {'greeting': 'mta1.herald.test', 'rule': 'map', 'public_address': '203.0.113.9',
                     'peer': {'accepted': True, 'code': 0, 'stage': 'ehlo',
                              'text': 'far.example Hello mta1.herald.test [203.0.113.9]'}},
                    TIED, ('--peer', f'127.0.0.1:{far.port}'))
        if far.commands[:2] != ['EHLO mta1.herald.test', 'QUIT']:
            raise Trouble(f'it said {far.commands}')
