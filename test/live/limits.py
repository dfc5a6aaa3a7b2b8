# SPDX-License-Identifier: ISC
"""The limits of herald.conf(5) that only a running server shows: each is set low, reached, and not passed."""
import time
from contextlib import ExitStack

from lab import mail, servers
from lab.cases import case
from lab.dialogue import Dialogue
from lab.process import Trouble, until

STRESS = 2  # seconds
FIRST, SECOND = '127.0.3.1', '127.0.3.2'  # two clients that nobody trusts


def herald(where, limits, **settings):
    return servers.Herald(where, limits=limits, extra='greeting { policy = observe; }', **settings)


def greeted(stack, server, source=''):
    client = stack.enter_context(Dialogue(server.port, 60, source=source))
    client.greet()
    return client


def turned_away(server, source=''):
    with Dialogue(server.port, source=source) as client:
        client.expect(421)
        if not client.ended():
            raise Trouble('421 and the connection stays')


def placed(stack, server, source=''):
    """A session, as soon as there is a place: the server may not have seen yet that a former one ended."""
    def taken():
        client = Dialogue(server.port, source=source)
        if client.expect(220, 421).startswith('220'):
            return stack.enter_context(client)
        return client.__exit__()
    return until(taken, 10, 'no place becomes free')


@case('sessions: one more than the limit gets 421, and a place is free again after one ended')
def sessions(where):
    with herald(where, 'sessions = 3;') as server, ExitStack() as stack:
        server.ready()
        places = [placed(stack, server) for _ in range(3)]
        turned_away(server)
        places[0].ask('QUIT', 221)
        placed(stack, server)


@case('sessions_per_client: another client is not affected, and a trusted one is not counted')
def per_client(where):
    limits = 'sessions_per_client = 2;'
    with herald(where, limits, trusted='["127.0.0.1"]') as server, ExitStack() as stack:
        server.ready()
        places = [greeted(stack, server, FIRST) for _ in range(2)]
        turned_away(server, FIRST)
        greeted(stack, server, SECOND)
        for _ in range(4):
            greeted(stack, server)
        places[1].ask('QUIT', 221)
        placed(stack, server, FIRST)


@case('unknown_recipients: a session that guesses names is ended, the known one before is taken')
def unknown(where):
    users = where / 'users'
    where.mkdir(parents=True, exist_ok=True)
    users.write_text('alice@example.test\n')
    with herald(where, 'unknown_recipients = 3;', unknown_user='refuse', users=f'"{users}"') as server:
        server.ready()
        with Dialogue(server.port) as client:
            client.greet()
            client.ask('MAIL FROM:<a@b.example>', 250)
            client.ask('RCPT TO:<alice@example.test>', 250)
            for number in range(3):
                client.ask(f'RCPT TO:<guess{number}@example.test>', 550)
            client.ask('RCPT TO:<guess@example.test>', 421)
            if not client.ended():
                raise Trouble('421 and the session goes on')


@case('errors: messages that are refused count, and the session ends')
def refused_messages(where):
    with herald(where, 'errors = 3;') as server:
        server.ready()
        with Dialogue(server.port) as client:
            client.greet()
            for code in (554, 554, 421):
                client.message(b'Subject: bare\n\r\n', code)
            if not client.ended():
                raise Trouble('421 and the session goes on')


def too_much_header(where, limits, header, codes):
    with herald(where, limits) as server:
        server.ready()
        with Dialogue(server.port) as client:
            client.greet()
            client.message(header + b'Subject: over\r\n\r\nbody\r\n', *codes)
            client.message(mail.text('after'), 250)
        mail.arrival(server.maildir(), 'after')


case('header_size', 'header_size = 4K;', b'X-Long: ' + b'x' * 900 + b'\r\n' + (b'\t' + b'y' * 900 + b'\r\n') * 5,
     (552,))(too_much_header)
case('header_fields', 'header_fields = 60;', b'X-Field: one\r\n' * 70, (552,))(too_much_header)
case('received_hops: a message that goes round', 'received_hops = 30;',
     b'Received: from a.example by b.example; Sat, 21 Nov 2026 20:58:00 +0000\r\n' * 31, (554,))(too_much_header)
case('text_line', 'text_line = 1000;', b'Subject: x\r\n\r\n' + b'z' * 1200 + b'\r\n', (554,))(too_much_header)


def let_go(where, limits, begin):
    """A client that stops is told 421 and let go."""
    with herald(where, limits) as server:
        server.ready()
        with Dialogue(server.port) as client:
            client.expect(220)
            begin(client)
            client.expect(421)
            if not client.ended():
                raise Trouble('421 and the session goes on')


def half_message(client):
    client.ask('EHLO cli.test', 250)
    client.envelope()
    client.ask('DATA', 354)
    client.send(b'Subject: half\r\n')


case('command_timeout', 'command_timeout = 1s;', lambda client: None)(let_go)
case('data_timeout', 'data_timeout = 1s;', half_message)(let_go)


DELAY = 2.0


def seconds_of(client, line, *codes):
    begun = time.monotonic()
    client.ask(line, *codes)
    return time.monotonic() - begun


def late(client, line, *codes):
    """Is each answer late? A machine that is busy may hold up one, a tarpit holds up all."""
    return all(seconds_of(client, line, *codes) > DELAY - 0.1 for _ in range(3))


def early_refusals_late(stack, server):
    """The client, and whether one of its first two refusals was late."""
    client = greeted(stack, server, FIRST)
    return client, any(seconds_of(client, 'WAT', 500) > DELAY - 0.1 for _ in range(2))


@case('tarpit: refusals behind the limit come late, one by one and together; others are not held up')
def tarpit(where):
    limits = f'tarpit_after = 2; tarpit_delay = {DELAY:.0f}s;'
    with herald(where, limits, trusted='["127.0.0.1"]', workers='1') as server, ExitStack() as stack:
        server.ready()
        for _ in range(3):
            client, were_late = early_refusals_late(stack, server)
            if not were_late:
                break
        else:
            raise Trouble('the first two are late')
        if seconds_of(client, 'RCPT TO:<a@b.example>', 503) < DELAY - 0.1:
            raise Trouble('the third is not late')
        if late(client, 'NOOP', 250):
            raise Trouble('what is no error is late')
        other = greeted(stack, server, SECOND)
        begun = time.monotonic()
        client.send('WAT\r\nWAT\r\nNOOP\r\n')
        if late(other, 'NOOP', 250):
            raise Trouble('another client is held up')
        client.expect(500)
        if time.monotonic() - begun < 2 * (DELAY - 0.1):
            raise Trouble('two at once do not cost twice the delay')
        client.expect(500)
        client.expect(250)
        own = greeted(stack, server)
        own.ask('WAT', 500)
        own.ask('WAT', 500)
        if late(own, 'WAT', 500):
            raise Trouble('a trusted client is held up')


@case('tarpit: who guesses names waits too')
def tarpit_unknown(where):
    users = where / 'users'
    where.mkdir(parents=True, exist_ok=True)
    users.write_text('alice@example.test\n')
    limits = f'tarpit_after = 2; tarpit_delay = {DELAY:.0f}s;'
    with herald(where, limits, trusted='[]', unknown_user='refuse', users=f'"{users}"') as server, \
            ExitStack() as stack:
        server.ready()
        client = greeted(stack, server, FIRST)
        client.ask('MAIL FROM:<a@b.example>', 250)
        for number in range(2):
            client.ask(f'RCPT TO:<guess{number}@example.test>', 550)
        if seconds_of(client, 'RCPT TO:<guess@example.test>', 550) < DELAY - 0.1:
            raise Trouble('the third is not late')
        if late(client, 'RCPT TO:<alice@example.test>', 250):
            raise Trouble('a known name is late')


@case('tarpit: the refusal that ends a session comes late too, and whole')
def tarpit_end(where):
    limits = 'errors = 3; tarpit_after = 2; tarpit_delay = 1s;'
    with herald(where, limits, trusted='[]') as server, ExitStack() as stack:
        server.ready()
        client = greeted(stack, server, FIRST)
        client.send('WAT\r\nWAT\r\nWAT\r\nNOOP\r\n')
        for code in (500, 500, 421):
            client.expect(code)
        if not client.ended():
            raise Trouble('421 and the session goes on')


def stressed(server):
    """Eight of ten places are no stress, a ninth is: who was silent is let go. None when this process was held up."""
    with ExitStack() as stack:
        eight = [greeted(stack, server) for _ in range(8)]
        time.sleep(STRESS + 1.5)
        begun = time.monotonic()
        eight[0].ask('NOOP', 250)  # 80 % are no stress
        ninth = greeted(stack, server)
        for client in eight[1:]:
            client.expect(421)
            if not client.ended():
                raise Trouble('421 and the session goes on')
        if time.monotonic() - begun > STRESS:
            return None
        for client in (eight[0], ninth):
            client.ask('NOOP', 250)
        return True


@case('stress_timeout: when sessions are scarce, the silent are let go and those that speak stay')
def stress(where):
    limits = f'sessions = 10; stress_timeout = {STRESS}s; command_timeout = 5m;'
    with herald(where, limits, workers='1') as server:
        server.ready()
        until(lambda: stressed(server), 60, 'this machine is too busy')


@case('command_line, junk_commands, recipients: one more than the limit')
def counted(where):
    with herald(where, 'command_line = 600; junk_commands = 3; recipients = 100;') as server:
        server.ready()
        with Dialogue(server.port) as client:
            client.greet()
            client.ask('NOOP ' + 'x' * 593, 250)
            client.ask('NOOP ' + 'x' * 594, 500)
            client.ask('MAIL FROM:<a@b.example>', 250)
            for _ in range(100):
                client.ask('RCPT TO:<alice@example.test>', 250)
            client.ask('RCPT TO:<alice@example.test>', 452)
            client.ask('NOOP', 250)
            client.ask('NOOP', 421)
            if not client.ended():
                raise Trouble('421 and the session goes on')


def slow_message(where, limits):
    """An octet each second is not silence, but too slow."""
    with herald(where, limits) as server:
        server.ready()
        with Dialogue(server.port) as client:
            client.expect(220)
            half_message(client)
            begun = time.monotonic()
            while time.monotonic() - begun < 70 and not client.waits(1.0):
                client.send(b'x')
            client.expect(421)
            if not 55 < time.monotonic() - begun < 70:
                raise Trouble(f'421 after {time.monotonic() - begun:.0f} s')


case('data_rate: a message slower than that over a minute', 'data_rate = 512;', slow=True)(slow_message)
case('data_deadline: a message that takes longer', 'data_rate = 0; data_deadline = 1m;', slow=True)(slow_message)
