# SPDX-License-Identifier: ISC
"""What a client, a taken-over process or the service user may try, and what they must not come by."""
import base64
import os
import re
import smtplib
import subprocess

import auth
from lab import certificates, mail, servers
from lab.cases import case
from lab.dialogue import Dialogue
from lab.process import Skip, Trouble, free_port, until

FILTER = '127.0.4.2'
CHILDREN = '/proc/{0}/task/{0}/children'


@case('LMTP: each of 400 recipients has its answer, and the process lives')
def many_answers(where):
    port = free_port()
    extra = f'route "*" {{ via = hold; }} listen "l" {{ address = "127.0.0.1:{port}"; role = lmtp; }}'
    with servers.Herald(where, extra=extra) as server:
        server.ready()
        with Dialogue(port) as client:
            client.expect(220)
            client.ask('LHLO cli.test', 250)
            client.ask('MAIL FROM:<a@client.example>', 250)
            client.send(''.join(f'RCPT TO:<u{n}@elsewhere.example>\r\n' for n in range(400)))
            for _ in range(400):
                client.expect(250)
            client.ask('DATA', 354)
            client.send(mail.text('many') + b'.\r\n')
            if len({client.expect(250) for _ in range(400)}) != 1:
                raise Trouble('the answers differ')
            client.ask('NOOP', 250)


@case('XCLIENT: whom a proxy has named and greeted for cannot name somebody else')
def named_once(where):
    extra = 'greeting { policy = observe; } '
    with servers.Herald(where, listen=False, trusted='["198.51.100.7"]', extra=extra) as server:
        server.extra += f'listen "mx" {{ address = "127.0.0.1:{server.port}"; xclient = ["{FILTER}", "192.0.2.8"]; }}'
        server.write_conf()
        server.ready()
        with Dialogue(server.port, source=FILTER) as client:
            client.greet()
            client.ask('XCLIENT NAME=mx.client.example', 220)
            client.ask('XCLIENT ADDR=192.0.2.9', 220)
            if 'XCLIENT' in client.ask('EHLO client.example', 250):
                raise Trouble('XCLIENT is announced to the client')
            client.ask('XCLIENT ADDR=198.51.100.7', 550)
            client.ask('XFORWARD ADDR=198.51.100.7', 550)
            client.envelope()
            client.ask('RCPT TO:<b@elsewhere.example>', 550)
        with Dialogue(server.port, source=FILTER) as client:
            client.greet()
            client.ask('XCLIENT ADDR=192.0.2.8', 220)  # which is listed itself
            client.ask('EHLO client.example', 250)
            client.ask('XCLIENT ADDR=192.0.2.9', 220)


def mapped(pid):
    """All that a process can read of its own, but for large files it maps."""
    with open(f'/proc/{pid}/maps', encoding='ascii') as maps, open(f'/proc/{pid}/mem', 'rb', 0) as memory:
        for line in maps:
            first, last = (int(end, 16) for end in line.split()[0].split('-'))
            if last - first > 1 << 28 or 'r' not in line.split()[1] or '[v' in line:
                continue
            try:
                memory.seek(first)
                yield memory.read(last - first)
            except OSError:
                continue


def holders(server, needles):
    """{name of a needle: kinds of processes in whose memory it is}, without the supervisor."""
    found = {name: set() for name in needles}
    with open(CHILDREN.format(server.child.pid), encoding='ascii') as children:
        pids = children.read().split()
    for pid in pids:
        try:
            with open(f'/proc/{pid}/cmdline', encoding='utf-8') as line:
                kind = line.read().split()[1]
            for piece in mapped(pid):
                for name, octets in needles.items():
                    if octets in piece:
                        found[name].add(kind)
        except (OSError, IndexError):
            continue  # one of the former generation that ended meanwhile
    return found


def private_number(path):
    """The secret of an elliptic key as OpenSSL has it in memory: least octet first."""
    text = subprocess.run(['openssl', 'pkey', '-in', path, '-text', '-noout'], capture_output=True, text=True,
                          check=True).stdout
    return bytes.fromhex(''.join(re.search(r'priv:([0-9a-f:\s]+?)pub:', text)[1].split()).replace(':', ''))[::-1]


def log_in_everywhere(server):
    """By TLS and without, in a line that never ends, and where it is not offered."""
    words = base64.b64encode(f'\0{auth.ALICE}\0{auth.SECRET}'.encode()).decode()
    with Dialogue(server.submission) as client:
        client.greet()
        client.ask(f'AUTH PLAIN {words}', 235)
    with smtplib.SMTP('127.0.0.1', server.submission, 'cli.test') as client:
        client.starttls(context=auth.anybody())
        client.login(auth.ALICE, auth.SECRET)
    with Dialogue(server.submission) as client:
        client.greet()
        client.send(f'AUTH PLAIN {words}')
        client.waits(0.2)
    with Dialogue(server.port) as client:
        client.greet()
        client.ask(f'AUTH PLAIN {words}', 502)
    return words


def kept(server, needles, wanted):
    """Each secret comes to be where it is wanted, and nowhere else."""
    found = {}

    def as_wanted():
        found.update(holders(server, needles))
        return found == wanted
    try:
        until(as_wanted, 20, '')
    except Trouble:
        raise Trouble(f'who has it: {found}') from None


@case('secrets: who needs none has none, a password is gone after the login, and a reload changes nothing of that')
def secrets(where):
    if os.geteuid() != 0:
        raise Skip('reading the memory of processes needs root')
    with auth.Server(where, auth=' plaintext = loopback;') as server:
        server.ready()
        words = log_in_everywhere(server)
        stored = server.users.read_text(encoding='utf-8').splitlines()[-1].split(':', 1)[1].strip().encode()
        needles = {'password': auth.SECRET.encode(), 'response': words[:40].encode(), 'stored': stored[-30:],
                   'token': auth.TOKEN.encode(), 'key': private_number(server.data / 'tls/key.pem')}
        wanted = {'password': set(), 'response': set(), 'stored': {'auth'}, 'token': {'auth'}, 'key': {'smtpd'}}
        with Dialogue(server.port) as held:  # keeps the first generation alive
            held.greet()
            server.events('server.ready')
            kept(server, needles, wanted)
            server.reload()
            server.events('server.ready', 2)
            kept(server, needles, wanted)


@case('the service user gets no directory of the machine by a symbolic link in data_dir')
def linked(where):
    if os.geteuid() != 0:
        raise Skip('only root gives directories away')
    prize = where / 'prize'
    with servers.Herald(where) as server:
        prize.mkdir()
        server.data.mkdir()
        (server.data / 'mail').symlink_to(prize)
        server.start()
        until(lambda: server.child.poll() is not None, 10, 'the server starts all the same')
    if prize.stat().st_uid != 0:
        raise Trouble('the directory was given away')


@case('certificate and key may be symbolic links, as ACME clients make them')
def linked_certificate(where):
    where.mkdir(parents=True, exist_ok=True)
    chain, key = certificates.make(where / 'real', 'mx.herald.test')
    (where / 'chain.pem').symlink_to(chain)
    (where / 'key.pem').symlink_to(key)
    tls = f'tls {{ certificate = "{where / "chain.pem"}"; key = "{where / "key.pem"}"; }}'
    with servers.Herald(where, extra=tls) as server:
        server.ready()
