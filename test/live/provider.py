# SPDX-License-Identifier: ISC
"""Tokens that an identity provider is asked about (RFC 7662) over HTTPS, and all that can go wrong there."""
import json
import socket
import socketserver
import ssl
import subprocess
import threading
import urllib.parse

import dns
from auth import ALICE, BOB, TOKEN, Server, bearer, in_base64
from lab import certificates, servers
from lab.cases import case
from lab.dialogue import Dialogue
from lab.process import free_port, until

NAME, CLIENT, SECRET = 'idp.example.test', 'https://mail.example.test/', 's%c:r t+ü'
ZONE = {(NAME, 'A'): ['127.0.0.1'], ('other.example.test', 'A'): ['127.0.0.1'],
        ('two.example.test', 'A'): ['127.0.0.2', '127.0.0.1'], ('servfail.example.test', 'A'): 'SERVFAIL'}


def ok(claims, chunked=False):
    body = json.dumps(claims).encode()
    head = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
    if not chunked:
        return [head + b'Content-Length: %d\r\n\r\n' % len(body) + body]
    pieces = [body[i:i + 7] for i in range(0, len(body), 7)] + [b'']
    return [head + b'Transfer-Encoding: chunked\r\n\r\n'] + [b'%x\r\n%s\r\n' % (len(piece), piece) for piece in pieces]


def status(line):
    return [b'HTTP/1.1 ' + line + b'\r\nContent-Length: 0\r\n\r\n']


ACTIVE = {'active': True, 'username': BOB}
REPLIES = {
    'of-bob': ok(ACTIVE),
    'of-bob-in-chunks': ok({**ACTIVE, 'scope': 'openid smtp', 'aud': ['web', 'mail']}, chunked=True),
    'of-bob-to-the-end': [b'HTTP/1.0 200 OK\r\n\r\n', json.dumps(ACTIVE).encode()],
    'silent': ok(ACTIVE),
    'of-stranger': ok({'active': True, 'username': 'stranger@elsewhere.example'}),
    'of-strange': ok({'active': True, 'username': 'ü' * 120 + '@elsewhere.example'}),
    'of-mary': ok({'active': True, 'email': 'Mary@Bücher.example'}),
    'of-nobody': ok({'active': True, 'username': 'bob', 'sub': 'f81d4fae'}),
    'unverified': ok({'active': True, 'email': BOB, 'email_verified': False}),
    'expired': ok({**ACTIVE, 'exp': 1000000000}),
    'moved': status(b'302 Found'),
    'unauthorized': status(b'401 Unauthorized'),
    'forbidden': status(b'403 Forbidden'),
    'no-page': status(b'404 Not Found'),
    'out-of-order': status(b'502 Bad Gateway'),
    'html': [b'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>'],
    'no-http': [b'220 smtp\r\n\r\n'],
    'cut-off': [b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"active":true'],
    'nothing': [],
    'too-long': [b'HTTP/1.1 200 OK\r\n\r\n' + b' ' * 100000],
}


class Provider:
    """`asked` has (head, token) of each request; a token of REPLIES is answered so, any other is not active.

    The token `silent` is answered only when `go` is set.
    """

    def __init__(self, certificate=None):
        outer, self.asked, self.go = self, [], threading.Event()
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*certificate)

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                try:
                    peer = outer.context.wrap_socket(self.request, server_side=True) if outer.context else self.request
                    outer.serve(peer)
                except (OSError, ValueError):
                    pass

        class Listener(socketserver.ThreadingTCPServer):
            daemon_threads, request_queue_size = True, 256

        self.server = Listener(('127.0.0.1', 0), Handler)
        self.port = self.server.server_address[1]

    def serve(self, peer):
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with peer.makefile('rb') as lines:
            head = b''.join(iter(lines.readline, b'\r\n')).decode()
            fields = dict(line.split(': ', 1) for line in head.splitlines()[1:])
            form = urllib.parse.parse_qs(lines.read(int(fields['Content-Length'])).decode())
        token = form['token'][0]
        self.asked.append((head, token))
        if token == 'silent':
            self.go.wait()
        for piece in REPLIES.get(token, ok({'active': False})):
            peer.sendall(piece)
        peer.close()

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.go.set()
        self.server.shutdown()
        self.server.server_close()


class World:
    """A provider with a certificate for `names[0]`, DNS, and a herald that asks it; `more` are keys of auth."""

    def __init__(self, where, more='', host=NAME, name=NAME, scheme='https', **settings):
        self.certificate, key = certificates.make(where, name)
        self.secret = where / 'secret'
        self.write_secret(settings.pop('secret', SECRET))
        self.names = dns.Server(ZONE)
        self.provider = Provider((self.certificate, key) if scheme == 'https' else None)
        port = settings.pop('port', self.provider.port)
        self.herald = Server(
            where, f'plaintext = loopback; introspection = "{scheme}://{host}:{port}/in?x=y"; {more}',
            extra=f'dns {{ servers = ["127.0.0.1@{self.names.port}"]; timeout = 20s; }}\n', **settings)

    def write_secret(self, text):
        self.secret.write_text(text + '\nthe second line says nothing\n')
        self.secret.chmod(0o600)

    def __enter__(self):
        self.names.__enter__()
        self.provider.__enter__()
        self.herald.ready(20)
        return self

    def __exit__(self, *_):
        self.herald.stop()
        self.provider.__exit__()
        self.names.__exit__()

    def login(self, token, name='', seconds=60):
        """The last code of an exchange."""
        with Dialogue(self.herald.submission, seconds=seconds) as client:
            client.greet()
            text = client.ask(f'AUTH OAUTHBEARER {bearer(token, name)}', 235, 334, 454)
            return (client.ask('AQ==', 535) if text[:3] == '334' else text)[:3]

    def says(self, words):
        """The log gives this as a reason."""
        self.herald.heard('auth.failed', words)


def trusting(where, name=NAME):
    return f'introspection_ca = "{where}/{name}.pem"; '


def known(where):
    return trusting(where) + f'introspection_client = "{CLIENT}"; introspection_secret = "{where}/secret"; '


@case('a token is good over HTTPS: the name is verified, our credentials are shown, the reply comes in any form')
def good(where):
    with World(where, known(where)) as world:
        for token in ('of-bob', 'of-bob-in-chunks', 'of-bob-to-the-end'):
            assert world.login(token, BOB) == '235', token
        assert world.login('unknown') == '535'
        world.says('the token is not active')
        head = world.provider.asked[0][0]
        shown = in_base64(f'{urllib.parse.quote(CLIENT, safe="")}:{urllib.parse.quote(SECRET, safe="")}')
        for line in ('POST /in?x=y HTTP/1.1', f'Host: {NAME}:{world.provider.port}', f'Authorization: Basic {shown}',
                     'Connection: close'):
            assert line in head.splitlines(), head
        assert {question for question in world.names.asked if NAME in question}, world.names.asked
        world.herald.stop()
        log = world.herald.log_text()
        assert SECRET not in log and shown not in log and 'of-bob-in-chunks' not in log


@case('herald shows a bearer token when it has no client id, and a new one after a reload')
def as_bearer(where):
    def shown(text):
        return world.login('of-bob') == '235' and f'\r\nAuthorization: Bearer {text}\r\n' in world.provider.asked[-1][0]
    with World(where, trusting(where) + f'introspection_secret = "{where}/secret"; ', secret='first-token') as world:
        assert shown('first-token'), world.provider.asked
        world.write_secret('second-token')
        assert shown('first-token'), world.provider.asked
        world.herald.reload()
        until(lambda: shown('second-token'), 20, 'the new secret is not shown')


@case('what the provider says of a token is a reason to refuse it, and is in the log')
def refused(where):
    with World(where, known(where) + 'backoff_account = 0s; backoff_client = 0s;', users='mary@bücher.example\n',
               domains='["example.test", "bücher.example"]') as world:
        assert world.login('of-mary') == '235'
        for token, words in (('of-strange', 'is not in users: \\\\xc3'),
                             ('of-stranger', 'stranger@elsewhere.example'), ('of-nobody', 'is an address'),
                             ('unverified', 'verified email'), ('expired', 'has expired')):
            assert world.login(token) == '535', token
            world.says(words)
        assert world.login('of-bob', ALICE) == '535'
        world.says("somebody else's")


@case('scope, audience and claim are what the configuration wants')
def wanted(where):
    wants = 'introspection_scope = "smtp"; introspection_audience = "mail"; backoff_client = 0s; '
    with World(where, known(where) + wants) as world:
        assert world.login('of-bob-in-chunks') == '235'
        assert world.login('of-bob') == '535'
        world.says('introspection_scope')
    with World(where / '2', known(where / '2') + 'introspection_claim = "mail"; ') as world:
        assert world.login('of-bob') == '535'
        world.says('introspection_claim')


@case('trouble with the provider is 454, is nobody\'s failure, and the log says what to do')
def trouble(where):
    with World(where, known(where)) as world:
        for token, words in (('moved', 'HTTP 3xx'), ('unauthorized', 'introspection_client and _secret'),
                             ('forbidden', 'HTTP 403'), ('no-page', 'path of auth.introspection'),
                             ('out-of-order', 'HTTP 5xx'), ('html', 'RFC 7662'), ('no-http', 'no HTTP'),
                             ('cut-off', 'not whole'), ('nothing', 'not whole'), ('too-long', 'too long'),
                             ('silent', 'no reply in time')):
            assert world.login(token, BOB) == '454', token
            world.says('introspection: ')
            world.says(words)
        # neither account nor client have to wait, and what needs no provider works
        assert world.login('of-bob', BOB) == '235'
        assert world.login(TOKEN, ALICE) == '235'


@case('a provider that cannot be reached, or is somebody else, gets no token')
def unreachable(where):
    for number, (settings, more, words) in enumerate((
            ({'name': 'other.example.test'}, 'other.example.test', 'ostname mismatch'),
            ({}, '', 'self-signed certificate'),
            ({'host': '127.0.0.1'}, NAME, 'IP address mismatch'),
            ({'host': 'nowhere.example.test'}, NAME, 'DNS has no address'),
            ({'host': 'servfail.example.test'}, NAME, 'DNS does not answer'),
            ({'port': free_port()}, NAME, 'Connection refused'))):
        inner = where / str(number)
        with World(inner, trusting(inner, more) if more else '', **settings) as world:
            assert world.login('of-bob') == '454', words
            world.says(words)
            assert not world.provider.asked, world.provider.asked
            assert world.login(TOKEN) == '235'


@case('the second address of the provider is tried when nobody listens at the first')
def second(where):
    with World(where, trusting(where, 'two.example.test'), host='two.example.test', name='two.example.test') as world:
        assert world.login('of-bob') == '235'


@case('so many questions at once and no more; the others hear 454 at once')
def many(where):
    with World(where, known(where), workers='2') as world:
        sessions = [Dialogue(world.herald.submission, seconds=60) for _ in range(150)]
        for session in sessions:
            session.greet()
        for session in sessions:
            session.send(f'AUTH OAUTHBEARER {bearer("silent")}\r\n')
        # 64 in each of the two auth processes
        world.herald.events('auth.failed', 150 - 128)
        world.says('too many questions')
        world.provider.go.set()
        codes = [session.expect(235, 454)[:3] for session in sessions]
        for session in sessions:
            session.__exit__()
        assert codes.count('454') >= 22, codes
        assert world.login('of-bob') == '235'


@case('credentials that others can read, or that are not whole, are refused before anything starts')
def checked(where):
    def check(mode, more):
        world = World(where, more)
        world.secret.chmod(mode)
        done = subprocess.run([servers.herald_path(), 'config', 'check', world.herald.conf], capture_output=True,
                              text=True, check=False)
        return done.returncode, done.stdout + done.stderr
    for mode, more, words in ((0o644, known(where), 'chmod 0600'),
                              (0o600, 'introspection_client = "x"; ', 'introspection_secret'),
                              (0o600, f'introspection_secret = "{where}/secret"; ', 'is no token'),
                              (0o600, f'introspection_ca = "{where}/secret"; ', 'no certificates of authorities'),
                              (0o600, 'introspection_ca = "/nonexistent"; ', '/nonexistent')):
        code, text = check(mode, more)
        assert code == 78 and words in text and 's%c' not in text, (code, text)
    assert check(0o600, known(where))[0] == 0
