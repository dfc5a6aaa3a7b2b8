# SPDX-License-Identifier: ISC
"""Who the client is when a load balancer or another server stands in front."""
import json
import socket
import struct

from lab import mail, servers
from lab.cases import case
from lab.dialogue import Dialogue
from lab.process import Trouble, until

BALANCER, FILTER, STRANGER = '127.0.4.1', '127.0.4.2', '127.0.4.3'
SIGNATURE = b'\r\n\r\n\0\r\nQUIT\n'


def binary(source, command=1):
    addresses = socket.inet_aton(source) + socket.inet_aton('127.0.0.1') + struct.pack('>HH', 4025, 25)
    return SIGNATURE + bytes([0x20 | command, 0x11]) + struct.pack('>H', len(addresses) + 5) + addresses + b'\4\0\2ab'


def header(source):
    return f'PROXY TCP4 {source} 127.0.0.1 4025 25\r\n'.encode()


class Fronted(servers.Herald):
    """herald behind a balancer and a filter. The balancer's own address is trusted, which must help nobody."""

    def __init__(self, where, trusted=f'["{BALANCER}", "{FILTER}", "198.51.100.7"]', limits=''):
        super().__init__(where, listen=False, trusted=trusted, limits=limits, extra='greeting { policy = observe; }')
        self.settings['workers'] = '1'
        self.extra += (f'listen "mx" {{ address = "127.0.0.1:{self.port}"; proxy = ["{BALANCER}"]; '
                       f'xclient = ["{FILTER}"]; }}')
        self.write_conf()

    def rows(self, event):
        lines = [line for line in self.log.read_text().splitlines() if line.startswith('{')]
        return [row for row in map(json.loads, lines) if row['event'] == event]


def behind(server, first, source=BALANCER):
    client = Dialogue(server.port, source=source)
    client.send(first)
    return client


def may_relay(client):
    client.greet()
    client.ask('MAIL FROM:<a@client.example>', 250)
    return client.ask('RCPT TO:<b@elsewhere.example>', 250, 550).startswith('250')


def relays(where, first, wanted):
    with Fronted(where) as server:
        server.ready()
        with behind(server, first) as client:
            if may_relay(client) != wanted:
                raise Trouble(f'a client named by {first!r} {"may not" if wanted else "may"} relay')


case('a client behind a trusted balancer is not trusted itself (PROXY, version 1)', header('192.0.2.9'), False)(relays)
case('a client behind a trusted balancer is not trusted itself (PROXY, version 2)', binary('192.0.2.9'), False)(relays)
case('a trusted client behind a balancer is (version 1)', header('198.51.100.7'), True)(relays)
case('a trusted client behind a balancer is (version 2)', binary('198.51.100.7'), True)(relays)
case('a header that names nobody trusts nobody: UNKNOWN', b'PROXY UNKNOWN\r\n', False)(relays)
case('a header that names nobody trusts nobody: LOCAL', binary('198.51.100.7', 0), False)(relays)


@case('the address of the header is the one of Received and of the log, octet by octet too')
def shown(where):
    with Fronted(where) as server:
        server.ready()
        with behind(server, b'') as client:
            for octet in header('192.0.2.77') + b'EHLO cli.test\r\n':
                client.send(bytes([octet]))
            client.expect(220)
            client.expect(250)
            client.message(mail.text('fronted'), 250)
        text = mail.arrival(server.maildir(), 'fronted')
        if b'[192.0.2.77]' not in text or BALANCER.encode() in text:
            raise Trouble(f'Received: {text[:400]!r}')
        if {row['client'] for row in server.rows('message.accepted')} != {'192.0.2.77'}:
            raise Trouble('the log has another client')


@case('sessions_per_client counts the clients behind a balancer, not the balancer')
def counted(where):
    with Fronted(where, limits='sessions_per_client = 2;', trusted='[]') as server:
        server.ready()
        held = [behind(server, header('192.0.2.1')) for _ in range(2)]
        for client in held:
            client.expect(220)
        with behind(server, header('192.0.2.1')) as client:
            client.expect(421)
        with behind(server, binary('192.0.2.2')) as client:
            client.expect(220)
        for client in held:
            client.peer.close()


def refused(where, first):
    with Fronted(where) as server:
        server.ready()
        with behind(server, first) as client:
            client.expect(554)
            if not client.ended():
                raise Trouble('the connection stays')
        if not server.rows('session.refused'):
            raise Trouble('the log says nothing')


case('a balancer that sends SMTP instead of a header is refused', b'EHLO balancer.example\r\n')(refused)
case('a balancer that sends a malformed header is refused', b'PROXY TCP4 192.0.2.1 nowhere 1 2\r\n')(refused)
case('a balancer that says nothing is refused in time', b'')(refused)
case('a balancer that sends half a header is refused in time', SIGNATURE)(refused)


@case('a header from an address that is not listed is no SMTP, and closes')
def unlisted(where):
    with Fronted(where) as server:
        server.ready()
        with Dialogue(server.port, source=STRANGER) as client:
            client.expect(220)
            client.send(header('198.51.100.7') + b'EHLO x\r\nMAIL FROM:<a@b.example>\r\n')
            client.expect(554)
            if client.reply():
                raise Trouble('the session goes on')
        with Dialogue(server.port, source=STRANGER) as client:
            client.expect(220)
            client.send(binary('198.51.100.7') + b'\r\nEHLO x\r\n')
            until(lambda: client.reply()[:3] == '250', 5, 'EHLO after the refused octets')
            client.ask('MAIL FROM:<a@b.example>', 250)
            client.ask('RCPT TO:<b@elsewhere.example>', 550)


def xclient(server, attributes, source=FILTER):
    client = Dialogue(server.port, source=source)
    client.greet()
    client.ask(f'XCLIENT {attributes}', 220)
    return client


@case('XCLIENT: the client it names is the one of Received, of the log and of the limits')
def named(where):
    with Fronted(where, limits='sessions_per_client = 2;', trusted='[]') as server:
        server.ready()
        held = [xclient(server, 'ADDR=192.0.2.77 NAME=mx.client.example LOGIN=eve') for _ in range(2)]
        with Dialogue(server.port, source=FILTER) as third:
            third.greet()
            third.ask('XCLIENT ADDR=192.0.2.77', 421)
        for client in held:
            client.ask('EHLO client.example', 250)
        held[0].message(mail.text('named'), 250)
        text = mail.arrival(server.maildir(), 'named')
        if b'[192.0.2.77]' not in text or FILTER.encode() in text or b'cli.test' in text:
            raise Trouble(f'Received: {text[:400]!r}')
        told = server.rows('client.named')[0]
        if (told['client'], told['address'], told['name'], told['login']) != (
                '192.0.2.77', FILTER, 'mx.client.example', 'eve'):
            raise Trouble(f'the log: {told}')
        held += [xclient(server, 'ADDR=192.0.2.78') for _ in range(2)]
        held[2].ask('XCLIENT ADDR=192.0.2.79', 220)  # which leaves a place
        held.append(xclient(server, 'ADDR=192.0.2.78'))
        for client in held:
            client.peer.close()


@case('XFORWARD: the log has what was told, and nothing else changes')
def told(where):
    with Fronted(where) as server:
        server.ready()
        with Dialogue(server.port, source=FILTER) as client:
            client.greet()
            client.ask('XFORWARD NAME=a.example ADDR=192.0.2.5 IDENT=4XyZ SOURCE=REMOTE', 250)
            client.message(mail.text('told'), 250)
        if f'[{FILTER}]'.encode() not in mail.arrival(server.maildir(), 'told'):
            raise Trouble('Received names another client')
        row = server.rows('client.told')[0]
        if (row['client'], row['ident']) != ('192.0.2.5', '4XyZ'):
            raise Trouble(f'the log: {row}')
