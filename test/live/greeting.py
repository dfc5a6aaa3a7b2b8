# SPDX-License-Identifier: ISC
"""Greetings from outside: clients on loopback addresses that nobody trusts, against scripted DNS."""
import time

import dns
from lab import mail, servers
from lab.cases import case
from lab.dialogue import Dialogue
from lab.process import Trouble

OWN = 'mx.herald.test'
GOOD, WEB, STRANGER, SILENT = '127.0.2.1', '127.0.2.2', '127.0.2.3', '127.0.2.4'
ZONE = {
    (OWN, 'A'): ['192.0.2.1'], (OWN, 'MX'): [f'10 {OWN}'],
    ('1.2.0.127.in-addr.arpa', 'PTR'): ['mail.far.example'], ('mail.far.example', 'A'): [GOOD],
    ('mail.far.example', 'TXT'): ['v=spf1 a -all'], ('far.example', 'TXT'): ['v=spf1 ip4:127.0.2.1 -all'],
    ('2.2.0.127.in-addr.arpa', 'PTR'): ['web1.far.example'], ('web1.far.example', 'A'): [WEB],
    ('example.test', 'A'): [WEB], ('example.test', 'MX'): [f'10 {OWN}'],
    ('4.2.0.127.in-addr.arpa', 'PTR'): 'TIMEOUT', ('slow.example', 'A'): 'TIMEOUT', ('slow.example', 'AAAA'): 'TIMEOUT',
    ('slow.example', 'MX'): 'TIMEOUT', ('slow.example', 'TXT'): 'TIMEOUT',
}
TO = 'alice@example.test'


def herald(where, names, policy='', timeout='20s', **settings):
    """timeout: of DNS, which this process answers: long, but where a name gets no answer."""
    extra = f'greeting {{ {policy} }} dns {{ servers = ["127.0.0.1@{names.port}"]; timeout = {timeout}; }}'
    return servers.Herald(where / 'herald', extra=extra, trusted='[]', **settings)


def said(client, greeting, verb='EHLO'):
    client.expect(220)
    client.ask(f'{verb} {greeting}', 250)


def accepted(where, source, greeting, results, policy='', name='greeting'):
    """The message arrives, with these words in its Authentication-Results."""
    with dns.Server(ZONE) as names, herald(where, names, policy) as server:
        server.ready()
        with Dialogue(server.port, source=source) as client:
            said(client, greeting)
            forged = f'Authentication-Results: {OWN}; spf=pass smtp.mailfrom=forged.example\r\n'.encode()
            client.message(forged + mail.text(name), 250, sender='bob@far.example')
        message = mail.arrival(server.maildir(), name)
        field = mail.field(message, 'Authentication-Results') or ''
        if any(words not in field for words in (OWN, *results)) or b'forged.example' in message:
            raise Trouble(f'the message is: {message}')
        judged = server.final_events('greeting.judged')
        if [event['verdict'] for event in judged] != ['accept']:
            raise Trouble(f'the log says: {judged}')


case('an honest client: accepted, and the header tells what DNS says', GOOD, 'mail.far.example',
     ('iprev=pass', '(mail.far.example)', 'spf=pass smtp.helo=mail.far.example',
      'spf=pass smtp.mailfrom=bob@far.example'))(accepted)
case('a web server greets with a domain that is hosted here: accepted even when strict', WEB, 'example.test',
     ('iprev=pass', 'spf=fail smtp.mailfrom=bob@far.example'), 'policy = strict;')(accepted)
case('a pod greets: accepted under standard, and noted', STRANGER, 'web-7d9f8b6c5-x2x9q',
     ('iprev=permerror', 'spf=none smtp.helo=web-7d9f8b6c5-x2x9q'))(accepted)


def refused(where, source, greeting, stage, code, words, policy=''):
    timeout = '2s' if source == SILENT else '20s'
    with dns.Server(ZONE) as names, herald(where, names, policy, timeout) as server:
        server.ready()
        with Dialogue(server.port, source=source) as client:
            client.expect(220)
            reply = ''
            for name, line in (('helo', f'EHLO {greeting}'), ('mail', 'MAIL FROM:<bob@far.example>'),
                               ('rcpt', f'RCPT TO:<{TO}>')):
                reply = client.ask(line, code if name == stage else 250)
                if name == stage:
                    break
            if any(part not in reply for part in words) or any(len(line) > 510 for line in reply.split('\r\n')):
                raise Trouble(f'it says {reply!r}')
            client.ask('NOOP', 250)
        judged = server.final_events('greeting.judged')
        if len(judged) != 1 or judged[0]['code'] != code or judged[0]['reference'] not in reply:
            raise Trouble(f'the log says: {judged}')


OURS = (f'You greeted us as "{OWN}", which is our own name', f'but you are {STRANGER} (no reverse name)',
        '550 5.7.1 Give')
case('our own name from a stranger: refused at RCPT in the words of the page', STRANGER, OWN, 'rcpt', 550,
     OURS)(refused)
case('refuse_at = mail', STRANGER, OWN, 'mail', 550, OURS, 'refuse_at = mail;')(refused)
case('refuse_at = helo', STRANGER, OWN, 'helo', 550, OURS, 'refuse_at = helo;')(refused)
case('a hosted domain from a stranger', STRANGER, 'example.test', 'rcpt', 550, ('"example.test"', STRANGER))(refused)
case('our own name while DNS does not answer: deferred', SILENT, OWN, 'rcpt', 451, ('451 4.4.3', 'no lasting'))(refused)
case('a pod under strict', STRANGER, 'web-7d9f8b6c5', 'rcpt', 550, ('"web-7d9f8b6c5"',), 'policy = strict;')(refused)
case('broken syntax: refused at once', STRANGER, 'bad name', 'helo', 501, ('501-5.5.4',))(refused)


@case('dead DNS: one wait of dns.timeout in a session, then mail is accepted')
def dead(where):
    with dns.Server({}) as names, herald(where, names, 'policy = strict;', '2s') as server:
        names.udp.shutdown()
        names.tcp.shutdown()
        server.ready()
        begun = time.monotonic()
        with Dialogue(server.port, source=STRANGER) as client:
            said(client, 'mail.far.example')
            for number in range(15):
                client.message(mail.text(f'dead{number}'), 250, sender=f'bob{number}@far.example')
        took = time.monotonic() - begun
        if not 1.9 < took < 2 * 15:  # a wait for each message would take more
            raise Trouble(f'it took {took:.1f} s')


@case('a second greeting neither helps a forger nor hurts anybody')
def again(where):
    with dns.Server(ZONE) as names, herald(where, names) as server:
        server.ready()
        with Dialogue(server.port, source=STRANGER) as client:
            said(client, 'stranger.example')
            client.ask(f'EHLO {OWN}.', 250)
            client.ask('MAIL FROM:<>', 250)
            client.ask(f'RCPT TO:<{TO}>', 550)
            client.ask('EHLO not a name', 501)
            client.ask(f'RCPT TO:<{TO}>', 550)
            client.ask('HELO stranger.example', 250)
            client.message(mail.text('again'), 250)
        mail.arrival(server.maildir(), 'again')
        last = server.final_events('greeting.judged')[-1]
        if last['verdict'] != 'accept' or 'helo.changes' not in last['findings']:
            raise Trouble(f'the log says: {last}')


def goes_on_beside(server):
    """Does somebody else's message go through while a session waits for DNS?"""
    with Dialogue(server.port, source=SILENT) as slow, Dialogue(server.port, source=GOOD) as quick:
        said(slow, 'slow.example')
        slow.ask('MAIL FROM:<a@slow.example>', 250)
        said(quick, 'mail.far.example')
        slow.send(f'RCPT TO:<{TO}>\r\nDATA\r\n')
        quick.message(mail.text('quick'), 250, sender='bob@far.example')
        return not slow.waits(0)


@case('a session that waits for DNS: others go on, and it may be killed')
def waiting(where):
    with dns.Server(ZONE) as names, herald(where, names, timeout='2s', workers='1') as server:
        server.ready()
        # The session waits two seconds, in which this process may have been held up itself.
        if not any(goes_on_beside(server) for _ in range(5)):
            raise Trouble('one session waits for another')
        with Dialogue(server.port, source=SILENT) as slow:
            said(slow, OWN)
            slow.send(f'MAIL FROM:<>\r\nRCPT TO:<{TO}>\r\n')
            server.events('session.close', 2)
            slow.expect(250)
            slow.expect(451)
