# SPDX-License-Identifier: ISC
"""Headers of 200 KiB: what stands at their end is judged as what stands at their beginning."""
import auth
import dns
from greeting import GOOD, OWN, ZONE, herald, said
from lab import mail
from lab.cases import case
from lab.dialogue import Dialogue
from lab.process import Trouble

PADDING = b''.join(b'X-Padding-%d: %s\r\n' % (number, b'x' * 900) for number in range(220))
FORGED = f'Authentication-Results: {OWN}; spf=pass smtp.mailfrom=forged.example\r\n'.encode()
SHORT, LONG = b'body\r\n', (b'y' * 70 + b'\r\n') * 4000
LOOP = b'Received: from a.example by b.example; Sat, 21 Nov 2026 20:58:00 +0000\r\n'


def cut(client, header, body, *codes, sender='bob@far.example', recipient='alice@example.test'):
    """A message in pieces that end anywhere, also right in front of the last line of its header."""
    client.envelope(sender, recipient)
    client.ask('DATA', 354)
    last = header.rstrip(b'\r\n').rfind(b'\n') + 1
    for part in (header[:last], header[last:], b'\r\n' + body):
        for at in range(0, len(part), 7001):
            client.send(part[at:at + 7001])
    client.send(b'.\r\n')
    return client.expect(*codes)


@case('a forged Authentication-Results at the end of a header of 200 KiB is dropped', SHORT)
@case('a forged Authentication-Results at the end of a header of 200 KiB is dropped', LONG)
def forged(where, body):
    header = b'X-Test-Id: forged\r\n' + PADDING
    with dns.Server(ZONE) as names, herald(where, names) as server:
        server.ready()
        with Dialogue(server.port, 30, source=GOOD) as client:
            said(client, 'mail.far.example')
            cut(client, header + FORGED, body, 250)
        got = mail.arrival(server.maildir(), 'forged')
        mail.same(got, header + b'\r\n' + body)
        if b'forged.example' in got or got.count(b'\nAuthentication-Results:') != 1:
            raise Trouble(f'it came through: {got[:1000]}')


@case('forged Authentication-Results are dropped wherever a reader may see them, and nothing else is')
def forged_anywhere(where):
    with dns.Server(ZONE) as names, herald(where, names) as server:
        server.ready()
        with Dialogue(server.port, 30, source=GOOD) as client:
            said(client, 'mail.far.example')
            for number, parts in enumerate((
                    (FORGED, b'A: b\r\n'), (b'A: b\r\n', FORGED, FORGED, b'C: d\r\n', FORGED),
                    (b'>From somebody Sat Nov 21\r\n', FORGED, b'A: b\r\n'),  # readers go on behind such a line
                    (b'A: b\r\n', b'no field\r\n', FORGED, b'nor this\r\n', b'nor this\r\n', FORGED),
                    (b'A: b\r\n', FORGED.replace(b': ', b' :\r\n '), b'C: d\r\n'))):
                mine = b'X-Test-Id: forged-%d\r\n' % number
                body = FORGED.replace(b'forged', b'quoted') + b'\r\nno field\r\n' + FORGED.replace(b'forged', b'quoted')
                client.message(mine + b''.join(parts) + b'\r\n' + body, 250, sender='bob@far.example')
                got = mail.arrival(server.maildir(), f'forged-{number}')
                kept = b''.join(part for part in parts if b'forged.example' not in part)
                mail.same(got, mine + kept + b'\r\n' + body)


@case('Received fields are counted to the end of a header of 200 KiB', SHORT)
@case('Received fields are counted to the end of a header of 200 KiB', LONG)
def loop(where, body):
    with dns.Server(ZONE) as names, herald(where, names) as server:
        server.ready()
        with Dialogue(server.port, 30, source=GOOD) as client:
            said(client, 'mail.far.example')
            cut(client, PADDING + LOOP * 99, body, 250)
            reply = cut(client, PADDING + LOOP * 100, body, 554)
            if 'loop' not in reply:
                raise Trouble(f'refused for another reason: {reply}')


@case('the largest header passes, and one that is larger is refused', SHORT)
@case('the largest header passes, and one that is larger is refused', LONG)
def largest(where, body):
    field = b'X-Padding: ' + b'x' * (1024 - 13) + b'\r\n'
    with dns.Server(ZONE) as names, herald(where, names) as server:
        server.ready()
        with Dialogue(server.port, 30, source=GOOD) as client:
            said(client, 'mail.far.example')
            cut(client, field * 256, body, 250)
            cut(client, field * 256 + b'X: y\r\n', body, 552)


@case('From at the end of a header of 200 KiB must be theirs, and Date is added', SHORT)
@case('From at the end of a header of 200 KiB must be theirs, and Date is added', LONG)
def author(_, body):
    server = auth.local()
    name = f'author-{len(body)}'
    sent = b'X-Test-Id: ' + name.encode() + b'\r\n' + PADDING
    with Dialogue(server.submission, 30) as client:
        client.greet()
        client.ask(auth.plain(), 235)
        for fields, code in ((b'From: bob@example.test\r\n', 550),
                             (b'From: alice@example.test\r\nSender: bob@example.test\r\n', 550),
                             (b'', 550), (b'From: alice@example.test\r\n', 250)):
            cut(client, sent + fields, body, code, sender=auth.ALICE, recipient=auth.BOB)
    got = mail.arrival(server.maildir('bob'), name)
    mail.same(got, sent + b'From: alice@example.test\r\n\r\n' + body)
    if not mail.field(got, 'Date') or not mail.field(got, 'Message-ID'):
        raise Trouble('nothing was added')
