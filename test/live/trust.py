# SPDX-License-Identifier: ISC
"""Who the client is when a load balancer or another server stands in front."""
import socket
import ssl
import struct

import auth
from lab import mail, servers
from lab.cases import case
from lab.dialogue import Dialogue
from lab.process import Trouble, free_port, until

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
        self.implicit = free_port()
        self.extra += (f'listen "mx" {{ address = "127.0.0.1:{self.port}"; proxy = ["{BALANCER}"]; '
                       f'xclient = ["{FILTER}"]; }}\n'
                       f'listen "smtps" {{ address = "127.0.0.1:{self.implicit}"; proxy = ["{BALANCER}"]; '
                       'tls = implicit; }\nroute "*" { via = hold; }')
        self.write_conf()


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


@case('XCLIENT behind a balancer that may say it too: only from a client that is listed itself')
def both_listed(where):
    with Fronted(where) as server:
        server.extra = server.extra.replace(f'xclient = ["{FILTER}"]', f'xclient = ["{BALANCER}", "192.0.2.8"]')
        server.write_conf()
        server.ready()
        for first, listed in ((header('192.0.2.8'), True), (header('192.0.2.9'), False), (b'PROXY UNKNOWN\r\n', False),
                              (binary('192.0.2.8', 0), False)):
            with behind(server, first) as client:
                if ('XCLIENT' in client.greet()) != listed:
                    raise Trouble(f'XCLIENT is {"not " if listed else ""}offered to the client of {first!r}')
                client.ask('XCLIENT ADDR=198.51.100.7', 220 if listed else 550)
            with behind(server, first) as client:
                client.expect(220)
                client.ask('XCLIENT ADDR=198.51.100.7', 220 if listed else 550)  # before any greeting too


@case('AUTH in the clear for loopback: not for a client that the balancer on loopback does not name')
def nobody_is_local(where):
    port, users = free_port(), where / 'users'
    where.mkdir(parents=True, exist_ok=True)
    auth.user('add', users, 'alice@example.test', 'secret')
    with Fronted(where / 'server') as server:
        server.settings['users'] = f'"{users}"'
        server.extra += (f'\nlisten "sub" {{ address = "127.0.0.1:{port}"; role = submission; '
                         f'proxy = ["{BALANCER}"]; }}\nauth {{ plaintext = loopback; }}')
        server.write_conf()
        server.ready()
        for first, local in ((header('127.0.0.9'), True), (header('192.0.2.9'), False), (b'PROXY UNKNOWN\r\n', False)):
            with Dialogue(port, source=BALANCER) as client:
                client.send(first)
                if ('AUTH' in client.greet()) != local:
                    raise Trouble(f'AUTH is {"not " if local else ""}offered to the client of {first!r}')


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
        if {row['client'] for row in server.events('message.accepted')} != {'192.0.2.77'}:
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
        server.events('session.refused')


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


# ---- a header before TLS ----

class Secret:
    """TLS whose octets go out in pieces of our own: what is sent first comes before it, in the same write."""

    def __init__(self, port, source, first=b'', piece=1 << 20):
        self.peer = socket.create_connection(('127.0.0.1', port), timeout=60, source_address=(source, 0))
        self.peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.came, self.goes, self.first, self.piece = ssl.MemoryBIO(), ssl.MemoryBIO(), first, piece
        self.tls = context.wrap_bio(self.came, self.goes)

    def step(self, do, *words):
        """do() until it needs no octets of the server; b'' at the end of the connection."""
        while True:
            try:
                return do(*words)
            except ssl.SSLWantReadError:
                self.flush()
                some = self.peer.recv(65536)
                if not some:
                    return b''
                self.came.write(some)

    def flush(self):
        octets, self.first = self.first + self.goes.read(), b''
        for at in range(0, len(octets), self.piece):
            self.peer.sendall(octets[at:at + self.piece])

    def talk(self, lines):
        """Shake hands, say all of it, and return everything that is said to it."""
        with self.peer:
            try:
                self.step(self.tls.do_handshake)
                self.tls.write(''.join(line + '\r\n' for line in lines).encode())
                self.flush()
                said = b''
                while some := self.step(self.tls.read, 65536):
                    said += some
                return said.decode()
            except (ssl.SSLError, ConnectionError):
                return ''


MAIL = ('EHLO cli.test', 'MAIL FROM:<a@client.example>', 'RCPT TO:<b@elsewhere.example>',
        'RCPT TO:<alice@example.test>', 'DATA', 'X-Test-Id: secret', '', 'x', '.', 'QUIT')


def before_tls(where, form, source, code):
    with Fronted(where) as server:
        server.ready()
        for piece in (1 << 20, 1):
            said = Secret(server.implicit, BALANCER, form(source), piece).talk(MAIL)
            codes = [line[:3] for line in said.split('\r\n') if line[3:4] == ' ']
            if codes != ['220', '250', '250', code, '250', '354', '250', '221']:
                raise Trouble(f'in pieces of {piece}: {said}')
        text = mail.arrival(server.maildir(), 'secret')
        if f'[{source}]'.encode() not in text or BALANCER.encode() in text or b'ESMTPS id' not in text:
            raise Trouble(f'Received: {text[:400]!r}')


case('PROXY and TLS from the first octet: version 1, a stranger', header, '192.0.2.9', '550')(before_tls)
case('PROXY and TLS from the first octet: version 2, a stranger', binary, '192.0.2.9', '550')(before_tls)
case('PROXY and TLS from the first octet: version 1, trusted', header, '198.51.100.7', '250')(before_tls)
case('PROXY and TLS from the first octet: version 2, trusted', binary, '198.51.100.7', '250')(before_tls)


@case('PROXY and TLS from the first octet: no TLS without a header, none within TLS, none of a stranger')
def no_header(where):
    with Fronted(where) as server:
        server.ready()
        rows = {'no header': (BALANCER, b''), 'half a header': (BALANCER, header('192.0.2.9')[:-1]),
                'a stranger': (STRANGER, header('198.51.100.7'))}
        for what, (source, first) in rows.items():
            said = Secret(server.implicit, source, first).talk(MAIL)
            if said:
                raise Trouble(f'{what}: {said}')
        said = Secret(server.implicit, STRANGER).talk(('PROXY TCP4 198.51.100.7 127.0.0.1 1 25', *MAIL))
        if not said.startswith('220') or '\n554 ' not in said or '\n250' in said:
            raise Trouble(f'a header within TLS: {said}')
        server.events('session.refused', 2)


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
        told = server.events('client.named')[0]
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
        row = server.events('client.told')[0]
        if (row['client'], row['ident']) != ('192.0.2.5', '4XyZ'):
            raise Trouble(f'the log: {row}')
