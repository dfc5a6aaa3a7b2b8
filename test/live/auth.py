# SPDX-License-Identifier: ISC
"""Logging in: every mechanism with the clients that people have, what is refused, and who may send as whom."""
import base64
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import smtplib
import ssl
import subprocess
import threading
import time
import urllib.parse

import clients
from lab import certificates, mail, servers
from lab.cases import Shared, case
from lab.dialogue import Dialogue
from lab.process import Skip, Trouble, free_port, until

ALICE, BOB, CAROL = 'alice@example.test', 'bob@example.test', 'carol@example.test'
SECRET, TOKEN = 's3cret of alice', 'ya29.token-of-alice=='
NODEMAILER = '''
const mailer = require("nodemailer"), fs = require("fs"), [port, to, file, auth, more] = process.argv.slice(1);
const way = mailer.createTransport({host: "127.0.0.1", port, secure: false, requireTLS: true, name: "cli.test",
  tls: {rejectUnauthorized: false}, auth: JSON.parse(auth), pool: true, maxConnections: 2, ...JSON.parse(more)});
const one = (raw) => way.sendMail({envelope: {from: "alice@example.test", to}, raw});
const text = fs.readFileSync(file);
Promise.all([one(text), one(text), one(text)])
  .then(() => { way.close(); process.exit(0); }, fault => { console.error(fault); process.exit(1); });
'''
DKIM = '''
const mailer = require("nodemailer"), crypto = require("crypto"), [port, to, name] = process.argv.slice(1);
const {privateKey} = crypto.generateKeyPairSync("rsa", {modulusLength: 2048,
  privateKeyEncoding: {type: "pkcs8", format: "pem"}, publicKeyEncoding: {type: "spki", format: "pem"}});
mailer.createTransport({host: "127.0.0.1", port, requireTLS: true, name: "cli.test", tls: {rejectUnauthorized: false},
  auth: {user: "alice@example.test", pass: "s3cret of alice"},
  dkim: {domainName: "example.test", keySelector: "s", privateKey}})
  .sendMail({from: "alice@example.test", to, subject: "signed", text: "body", headers: {"X-Test-Id": name}})
  .then(() => process.exit(0), fault => { console.error(fault); process.exit(1); });
'''


def anybody():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Server(servers.Herald):
    """herald with a submission listener and users: alice has a password and a token, bob a mailbox alone."""

    def __init__(self, where, auth='', users='', extra='', **settings):
        self.submission, self.users, tokens, senders = free_port(), where / 'users', where / 'tokens', where / 'senders'
        where.mkdir(parents=True, exist_ok=True)
        self.users.write_text(f'# people\n{BOB}\n{users}')
        tokens.write_text(f'{ALICE}:{TOKEN}\n')
        senders.write_text(f'{ALICE}: shop@example.test, @alice.example\n')
        (where / 'aliases').write_text('sales: alice\n')
        for path in (self.users, tokens):
            path.chmod(0o600)
        user('add', self.users, ALICE, SECRET)
        parts = {'tokens': f'"{tokens}"', 'senders': f'"{senders}"'}
        text = ' '.join(f'{key} = {value};' for key, value in parts.items()) + auth
        extra += (f'listen "submission" {{ address = "127.0.0.1:{self.submission}"; role = submission; }}\n'
                  f'auth {{ {text} }}\n')
        super().__init__(where, extra=extra, **{'trusted': '[]', 'users': f'"{self.users}"',
                                                'aliases': f'"{where / "aliases"}"', **settings})


def shared():
    return Shared.get('auth', Server)


def local():
    """A server that lets clients of this machine log in without TLS, and forgives them."""
    return Shared.get('auth-local', lambda where: Server(
        where, 'plaintext = loopback; backoff_account = 0s; backoff_client = 0s;'))


def user(verb, path, address='', password='', check=True):
    words = [str(servers.herald_path()), 'user', verb, '--file', str(path)] + ([address] if address else [])
    done = subprocess.run(words, input=password + '\n', capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise Trouble(f'{" ".join(words)} ended with {done.returncode}: {done.stderr}')
    return done


def message(name, sender=ALICE, more=''):
    return (f'From: Alice <{sender}>\r\nTo: {BOB}\r\nX-Test-Id: {name}\r\nDate: Sat, 21 Nov 2026 20:58:00 +0000\r\n'
            f'Message-ID: <{name}@cli.test>\r\n{more}\r\nhello\r\n').encode()


def in_base64(octets):
    return base64.b64encode(octets if isinstance(octets, bytes) else octets.encode()).decode()


def plain(name=ALICE, secret=SECRET, acting=''):
    return 'AUTH PLAIN ' + in_base64(f'{acting}\0{name}\0{secret}')


def submit(client, octets, *codes, sender=ALICE):
    return client.message(octets, *codes, sender=sender, recipients=[BOB])


# ---- clients ----

def swaks(kind):
    def send(server, path):
        data = path.with_suffix('.swaks')
        data.write_bytes(path.read_bytes().replace(b'\r\n', b'\n')[:-1])
        clients.run([clients.program('swaks'), '--server', f'127.0.0.1:{server.submission}', '--tls', '--from', ALICE,
                     '--to', BOB, '--helo', 'cli.test', '--auth', kind, '--auth-user', ALICE, '--auth-password', SECRET,
                     '--data', f'@{data}', '--hide-all'])
    return send


def msmtp(kind, secret):
    def send(server, path):
        text = path.read_bytes().replace(b'\r\n', b'\n')
        clients.run([clients.program('msmtp'), '--host=127.0.0.1', f'--port={server.submission}', '--domain=cli.test',
                     '--tls=on', '--tls-certcheck=off', f'--auth={kind}', f'--user={ALICE}',
                     f'--passwordeval=echo {secret}', f'--from={ALICE}', BOB],
                    input=text, env={**os.environ, 'HOME': '/nonexistent'})
    return send


def curl(kind, *words):
    def send(server, path):
        clients.run([clients.program('curl'), '-sS', '-k', '--ssl-reqd', *words, '--login-options', f'AUTH={kind}',
                     '--mail-from', ALICE, '--mail-rcpt', BOB, '-T', path,
                     f'smtp://127.0.0.1:{server.submission}/cli.test'])
    return send


def smtplib_(server, path):
    with smtplib.SMTP('127.0.0.1', server.submission, local_hostname='cli.test', timeout=60) as client:
        client.starttls(context=anybody())
        client.login(ALICE, SECRET)
        client.sendmail(ALICE, [BOB], path.read_bytes())


def run_node(script, *words):
    clients.program('npm')
    where = clients.nodemailer_folder()
    if where is None:
        raise Skip('npm cannot get nodemailer')
    clients.run([clients.program('node'), '-e', script, '--', *words], cwd=where)


def nodemailer(auth, **more):
    def send(server, path):
        run_node(NODEMAILER, server.submission, BOB, path, json.dumps(auth), json.dumps(more))
    return send


CLIENTS = {
    'swaks, PLAIN': swaks('PLAIN'),
    'swaks, LOGIN': swaks('LOGIN'),
    'msmtp, PLAIN': msmtp('plain', SECRET),
    'msmtp, LOGIN': msmtp('login', SECRET),
    'msmtp, SCRAM-SHA-256': msmtp('scram-sha-256', SECRET),
    'msmtp, OAUTHBEARER': msmtp('oauthbearer', TOKEN),
    'msmtp, XOAUTH2': msmtp('xoauth2', TOKEN),
    'curl, PLAIN': curl('PLAIN', '--user', f'{ALICE}:{SECRET}'),
    'curl, LOGIN': curl('LOGIN', '--user', f'{ALICE}:{SECRET}'),
    'curl, OAUTHBEARER': curl('OAUTHBEARER', '--user', f'{ALICE}:', '--oauth2-bearer', TOKEN),
    'Python smtplib': smtplib_,
    'Nodemailer, a pool, PLAIN': nodemailer({'user': ALICE, 'pass': SECRET}),
    'Nodemailer, a pool, LOGIN': nodemailer({'user': ALICE, 'pass': SECRET}, authMethod='LOGIN'),
    'Nodemailer, a pool, XOAUTH2': nodemailer({'type': 'OAuth2', 'user': ALICE, 'accessToken': TOKEN}),
}


def one(where, client):
    server, name = shared(), client.replace(' ', '-').replace(',', '')
    path = where / 'message.eml'
    path.write_bytes(message(name))
    CLIENTS[client](server, path)
    got = mail.arrival(server.maildir('bob'), name)
    mail.same(got, message(name))
    assert 'with ESMTPSA' in mail.field(got, 'Received'), mail.field(got, 'Received')


for CLIENT in CLIENTS:
    case(f'{CLIENT}', CLIENT)(one)


@case('Nodemailer signs with DKIM, and nothing it signed is changed')
def dkim(_):
    server = shared()
    run_node(DKIM, server.submission, BOB, 'signed')
    got = mail.arrival(server.maildir('bob'), 'signed')
    for name in (b'dkim-signature', b'date', b'message-id'):
        assert got.lower().count(b'\n' + name + b':') == 1, got


@case('SCRAM-SHA-256-PLUS binds to TLS 1.3 (gsasl)')
def plus(_):
    server = shared()
    done = subprocess.run([clients.program('gsasl'), '--smtp', f'--connect=127.0.0.1:{server.submission}',
                           '--mechanism=SCRAM-SHA-256-PLUS', f'--authentication-id={ALICE}', f'--password={SECRET}',
                           '--x509-ca-file='], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                          check=False)
    assert '235 2.7.0' in done.stdout, done.stdout + done.stderr
    server.events('auth.ok', mechanism='SCRAM-SHA-256-PLUS')


# ---- SCRAM by hand ----

def scram(client, name=ALICE, secret=SECRET, gs2='n,,', binding=b'', plus_='', lie=b''):
    """The last reply of an exchange (RFC 5802)."""
    bare = f'n={name},r=abcdefgh'
    text = client.ask(f'AUTH SCRAM-SHA-256{plus_} ' + in_base64(gs2 + bare), 334, 535, 501)
    if text[:3] != '334':
        return text
    first = base64.b64decode(text[4:]).decode()
    parts = dict(part.split('=', 1) for part in first.split(','))
    salted = hashlib.pbkdf2_hmac('sha256', secret.encode(), base64.b64decode(parts['s']), int(parts['i']))
    key = hmac.digest(salted, b'Client Key', 'sha256')
    final = f'c={in_base64(gs2.encode() + binding)},r={parts["r"]}'
    signed = f'{bare},{first},{final}'.encode()
    proof = bytes(a ^ b for a, b in zip(key, hmac.digest(hashlib.sha256(key).digest(), signed, 'sha256')))
    text = client.ask(in_base64(f'{final},p={in_base64(proof)}'.encode() + lie), 334, 535, 501)
    if text[:3] != '334':
        return text
    server = hmac.digest(hmac.digest(salted, b'Server Key', 'sha256'), signed, 'sha256')
    assert base64.b64decode(text[4:]).decode() == f'v={in_base64(server)}', text
    return client.ask('', 235)


def secure(client, version=None):
    context = anybody()
    if version:
        context.maximum_version = version
    client.ask('STARTTLS', 220)
    client.lines.close()
    client.peer = context.wrap_socket(client.peer)
    client.lines = client.peer.makefile('rb')
    client.ask('EHLO cli.test', 250)
    return client


@case('SCRAM-SHA-256-PLUS binds to TLS 1.2, and refuses another channel')
def unique(_):
    server = shared()
    for wrong in (False, True):
        with Dialogue(server.submission) as client:
            client.greet()
            secure(client, ssl.TLSVersion.TLSv1_2)
            binding = client.peer.get_channel_binding('tls-unique')
            if wrong:
                binding = bytes(len(binding))
            text = scram(client, gs2='p=tls-unique,,', binding=binding, plus_='-PLUS')
            assert text[:3] == ('535' if wrong else '235'), text


@case('SCRAM tells who was made to believe that there is no channel binding')
def downgrade(_):
    with Dialogue(shared().submission) as client:
        client.greet()
        secure(client)
        assert scram(client, gs2='y,,')[:3] == '535'


@case('SCRAM: an unknown name gets a salt that stays, and the same refusal')
def scram_unknown(_):
    salts = set()
    for _ in range(2):
        with Dialogue(local().submission) as client:
            client.greet()
            text = client.ask('AUTH SCRAM-SHA-256 ' + in_base64('n,,n=nobody@example.test,r=abc'), 334)
            parts = dict(part.split('=', 1) for part in base64.b64decode(text[4:]).decode().split(','))
            salts.add((parts['s'], parts['i']))
            assert len(base64.b64decode(parts['s'])) == 16
            client.ask('*', 501)
    assert len(salts) == 1, salts
    with Dialogue(local().submission) as client:
        client.greet()
        refused = {scram(client, name='nobody@example.test'), scram(client, secret='wrong')}
        assert refused == {'535 5.7.8 Authentication credentials invalid'}, refused
    with Dialogue(local().submission) as client:
        client.greet()
        assert scram(client)[:3] == '235'


# ---- what is announced, and where ----

@case('AUTH is offered on submission under TLS alone')
def offered(_):
    server = shared()
    with Dialogue(server.port) as client:
        assert 'AUTH' not in client.greet()
        client.ask(plain(), 502, 503, 538)
        secure(client)
        assert 'AUTH' not in client.ask('EHLO cli.test', 250)
    with Dialogue(server.submission) as client:
        assert 'AUTH' not in client.greet()
        client.ask(plain(), 538)
        client.ask(f'MAIL FROM:<{ALICE}>', 530)
        secure(client)
        assert 'SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN OAUTHBEARER XOAUTH2' in client.ask('EHLO cli.test', 250)
        client.ask(f'MAIL FROM:<{ALICE}>', 530)
        client.ask('AUTH CRAM-MD5', 504)
        client.ask(plain(), 235)
        client.ask(plain(), 503)
        client.ask(f'MAIL FROM:<{ALICE}> AUTH=<>', 250)
        client.ask('RCPT TO:<somebody@elsewhere.example>', 250)


@case('a login in the clear ends with STARTTLS')
def not_carried_over(_):
    with Dialogue(local().submission) as client:
        client.greet()
        client.ask(plain(), 235)
        secure(client)
        client.ask(f'MAIL FROM:<{ALICE}>', 530)
        client.ask(plain(), 235)
        client.ask(f'MAIL FROM:<{ALICE}>', 250)


@case('AUTH in the clear is not offered where TLS is required, on loopback neither')
def required(where):
    port = free_port()
    extra = f'listen "required" {{ address = "127.0.0.1:{port}"; role = submission; tls = required; }}\n'
    with Server(where, 'plaintext = loopback;', extra=extra) as server:
        server.ready()
        with Dialogue(server.submission) as client:
            assert 'AUTH' in client.greet()
        with Dialogue(port) as client:
            assert 'AUTH' not in client.greet()
            client.ask(plain(), 538)
            secure(client)
            client.ask(plain(), 235)


@case('SCRAM is not offered when one user has no form for it')
def no_scram(where):
    with Server(where, users='dave@example.test:$6$saltsalt$x\n') as server:
        server.ready()
        with Dialogue(server.submission) as client:
            client.greet()
            secure(client)
            assert 'SCRAM' not in client.ask('EHLO cli.test', 250)
            client.ask(plain(), 235)


@case('malformed exchanges are refused and leave the session usable')
def malformed(_):
    for line in ('AUTH PLAIN !!!!', 'AUTH PLAIN ' + in_base64('no NUL'), 'AUTH PLAIN =', 'AUTH LOGIN =',
                 'AUTH SCRAM-SHA-256 ' + in_base64('x'), 'AUTH SCRAM-SHA-256 ' + in_base64('n,,n=,r='),
                 'AUTH OAUTHBEARER ' + in_base64('n,,\1auth=Bearer\1\1'), 'AUTH XOAUTH2 ' + in_base64('user=\1\1'),
                 'AUTH SCRAM-SHA-256 ' + in_base64('n,,n=a@b.example,r=' + 'x' * 4000)):
        with Dialogue(local().submission) as client:
            client.greet()
            client.ask(line, 501, 535)
            client.ask(plain(), 235)


@case('the client may give up, and the longest line of AUTH fits')
def cancel(_):
    with Dialogue(local().submission) as client:
        client.greet()
        client.ask('AUTH LOGIN', 334)
        client.ask('*', 501)
        client.ask('AUTH PLAIN', 334)
        client.ask(in_base64(b'\0a@b.example\0' + b'x' * 9000), 501)
        client.ask(plain(), 235)


def login(server, name, secret, *codes):
    with Dialogue(server.submission) as client:
        client.greet()
        return client.ask(plain(name, secret), 235, 535, *codes)[:3]


# ---- failures ----

@case('three failures end the session; the reply is the same for all')
def three(_):
    with Dialogue(local().submission) as client:
        client.greet()
        texts = {client.ask(plain(name, secret), 535) for name, secret in ((ALICE, 'wrong'), ('x@y.example', 'wrong'))}
        assert len(texts) == 1, texts
        client.ask(plain(BOB, 'wrong'), 421)
        assert client.ended()


@case('somebody else cannot be acted as; a mailbox without a password cannot log in')
def acting(_):
    with Dialogue(local().submission) as client:
        client.greet()
        client.ask(plain(acting=CAROL), 535)
        client.ask(plain(BOB, ''), 501)
    with Dialogue(local().submission) as client:
        client.greet()
        client.ask(plain(acting=ALICE), 235)


@case('an unknown name takes as long as a known one')
def same_time(_):
    took = {ALICE: [], 'nobody@example.test': [], 'no address': []}
    for number in range(50):
        for name, times in took.items():
            with Dialogue(local().submission) as client:
                client.greet()
                begun = time.monotonic()
                client.ask(plain(name, 'wrong'), 535)
                times.append(time.monotonic() - begun)
        best = {name: min(times) for name, times in took.items()}
        # Without a check of its password a name would be a hundred times quicker, however often one looks.
        if number >= 5 and max(best.values()) < 2.5 * min(best.values()):
            return
    raise Trouble(f'it takes {best}')


def closes(server, wrong, owner_at):
    """Fail to log in with each (source, line); is who has the right password turned away then?"""
    for source, line in wrong:
        with Dialogue(server.submission, source=source) as client:
            client.greet()
            client.ask(line, 535, 454)
    with Dialogue(server.submission, source=owner_at) as client:
        client.greet()
        return client.ask(plain(), 235, 454)[:3] == '454'


# The first wait is one second, and this machine may be busy for longer: the next failure makes it two, and so on.

@case('an account is closed for a while after failures, from everywhere')
def closed(where):
    with Server(where, 'plaintext = loopback; backoff_account = 2s;', trusted='["127.0.0.0/8"]') as server:
        server.ready()
        wrong = [(f'127.0.0.{number}', plain(secret='wrong')) for number in (2, 3, 4, 5)]
        places = (f'127.0.1.{number}' for number in range(1, 255))  # where the owner logged in it is not closed to them
        until(lambda: closes(server, wrong, next(places)), 10, 'it is not closed')
        until(lambda: login(server, ALICE, SECRET, 454) == '235', 10, 'it stays closed')


@case('strangers who fail close an account to strangers, not to where its owner logged in before')
def owner(where):
    with Server(where, 'plaintext = loopback; backoff_account = 1h;') as server:
        server.ready()
        with Dialogue(server.submission) as client:
            client.greet()
            client.ask(plain(), 235)
        seen = []
        for number in range(2, 22):
            with Dialogue(server.submission, source=f'127.0.0.{number}') as client:
                client.greet()
                seen.append(client.ask(plain(secret='wrong'), 535, 454)[:3])
            with Dialogue(server.submission) as client:
                client.greet()
                client.ask(plain(), 235)
        assert '454' in seen, seen


@case('a client is closed out for a while after failures, whatever the account')
def closed_out(where):
    with Server(where, 'plaintext = loopback; backoff_client = 1m;') as server:
        server.ready()
        wrong = [('127.0.0.2', plain(f'user{number}@example.test', 'wrong')) for number in range(4)]
        until(lambda: closes(server, wrong, '127.0.0.2'), 10, 'it is not closed out')
        server.reload()  # pardons nobody: who is pardoned has three failures free
        server.events('server.ready', 2)
        assert any(closes(server, [wrong[number]], '127.0.0.2') for number in range(3))
        with Dialogue(server.submission, source='127.0.0.3') as client:
            client.greet()
            client.ask(plain(), 235)


@case('logins go on while passwords are checked, and none is in the log')
def many(where):
    done = []

    def one_of_many():
        with Dialogue(server.submission) as client:
            client.greet()
            client.ask(plain(), 235)
            done.append(1)
    with Server(where, 'plaintext = loopback; backoff_account = 0s; backoff_client = 0s;') as server:
        server.ready()
        threads = [threading.Thread(target=one_of_many) for _ in range(60)]
        for thread in threads:
            thread.start()
        with Dialogue(server.submission) as client:
            client.greet()
            assert scram(client)[:3] == '235'
        for thread in threads:
            thread.join()
        assert len(done) == 60, len(done)
        assert len(server.final_events('auth.ok')) == 61
    log = server.log_text()
    assert SECRET not in log and in_base64(f'\0{ALICE}\0{SECRET}') not in log and TOKEN not in log


@case('the auth process dies: 454 meanwhile, then logins go on')
def dies(where):
    with Server(where, 'plaintext = loopback;') as server:
        server.ready()
        server.events('server.ready')
        pids = pids_of('herald-auth', server)
        assert len(pids) >= 2, pids
        with Dialogue(server.submission) as client:
            client.greet()
            client.ask('AUTH LOGIN', 334)
            for pid in pids:
                os.kill(pid, 9)
            client.ask(in_base64(ALICE), 454)
        until(lambda: login(server, ALICE, SECRET, 454) == '235', 10, 'nobody can log in')


def pids_of(name, server):
    found = []
    for path in pathlib.Path('/proc').glob('[0-9]*/comm'):
        try:
            parent = (path.parent / 'stat').read_text().rpartition(')')[2].split()[1]
            if path.read_text().strip() == name and int(parent) == server.child.pid:
                found.append(int(path.parent.name))
        except OSError:
            pass
    return found


# ---- tokens ----

class Introspection:
    """An introspection server (RFC 7662) that knows one token."""

    def __init__(self):
        outer = self
        self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # pylint: disable=invalid-name
                form = urllib.parse.parse_qs(self.rfile.read(int(self.headers['Content-Length'])).decode())
                outer.asked.append(form['token'][0])
                known = {'of+bob/x=': {'active': True, 'username': BOB},
                         'of-a-stranger': {'active': True, 'username': 'stranger@elsewhere.example'}}
                body = json.dumps(known.get(form['token'][0], {'active': False})).encode()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):  # pylint: disable=arguments-differ
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.port = self.server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def bearer(token, name=''):
    return in_base64(f'n,{"a=" + name if name else ""},\1auth=Bearer {token}\1\1')


@case('a token that is not valid is told as JSON, then refused')
def bad_token(_):
    for line, status in ((f'AUTH OAUTHBEARER {bearer("wrong")}', 'invalid_token'),
                         (f'AUTH OAUTHBEARER {bearer(TOKEN, BOB)}', 'invalid_token'),
                         ('AUTH XOAUTH2 ' + in_base64(f'user={ALICE}\1auth=Bearer wrong\1\1'), '401')):
        with Dialogue(local().submission) as client:
            client.greet()
            text = client.ask(line, 334)
            assert json.loads(base64.b64decode(text[4:]))['status'] == status, text
            client.ask('AQ==', 535)
            client.ask(f'AUTH OAUTHBEARER {bearer(TOKEN)}', 235)


@case('tokens are checked by introspection')
def introspection(where):
    with Introspection() as judge, Server(
            where, f'plaintext = loopback; introspection = "http://127.0.0.1:{judge.port}/in";') as server:
        server.ready()
        with Dialogue(server.submission) as client:
            client.greet()
            client.ask(f'AUTH OAUTHBEARER {bearer("unknown")}', 334)
            client.ask('AQ==', 535)
            client.ask(f'AUTH OAUTHBEARER {bearer("of-a-stranger")}', 334)
            client.ask('AQ==', 535)
        with Dialogue(server.submission) as client:
            client.greet()
            client.ask(f'AUTH OAUTHBEARER {bearer("of+bob/x=", BOB)}', 235)
            client.ask(f'MAIL FROM:<{BOB}>', 250)
        assert judge.asked == ['unknown', 'of-a-stranger', 'of+bob/x='], judge.asked
    with Server(where / '2', f'plaintext = loopback; introspection = "http://127.0.0.1:{judge.port}/in";') as server:
        server.ready()
        with Dialogue(server.submission) as client:
            client.greet()
            client.ask(f'AUTH OAUTHBEARER {bearer("of+bob/x=")}', 454)
            client.ask(f'AUTH OAUTHBEARER {bearer(TOKEN)}', 235)


# ---- certificates ----

@case('a client certificate logs in, one that does not verify does not')
def external(where):
    certificate, key = certificates.make(where, 'alice.test', email=ALICE)
    other, other_key = certificates.make(where, 'other.test', email=ALICE)
    with Server(where, extra=f'tls {{ client_ca = "{certificate}"; }}\n') as server:
        server.ready()
        for files, fine in (((certificate, key), True), ((other, other_key), False)):
            context = anybody()
            context.load_cert_chain(*files)
            with smtplib.SMTP('127.0.0.1', server.submission, local_hostname='cli.test', timeout=60) as client:
                client.starttls(context=context)
                client.ehlo()
                assert ('EXTERNAL' in client.esmtp_features['auth']) == fine, client.esmtp_features
                code, _ = client.docmd('AUTH', 'EXTERNAL =')
                assert (code == 235) == fine, code
                if fine:
                    client.sendmail(ALICE, [BOB], message('external'))
        mail.arrival(server.maildir('bob'), 'external')


# ---- who sends ----

@case('a user sends only as addresses that are theirs: MAIL')
def own_sender(_):
    with Dialogue(local().submission) as client:
        client.greet()
        client.ask(plain(), 235)
        for sender, code in ((BOB, 553), ('alice@elsewhere.example', 553), ('alice@EXAMPLE.test', 250),
                             ('sales@example.test', 250), ('shop@example.test', 250), ('any@alice.example', 250),
                             ('any@sub.alice.example', 553), ('"alice"@example.test', 250), ('', 250)):
            client.ask(f'MAIL FROM:<{sender}>', code)
            client.ask('RSET', 250)


HEADERS = {
    f'From: {ALICE}\r\n': 250,
    f'From: "{BOB}" <{ALICE}>\r\n': 250,
    'From: sales@example.test\r\n': 250,
    f'From: {ALICE}, shop@example.test\r\nSender: {ALICE}\r\n': 250,
    f'Subject: x\r\nFROM: Alice\r\n\t<{ALICE}>\r\n': 250,
    f'From: {BOB}\r\n': 550,
    f'From: {ALICE}, {BOB}\r\n': 550,
    f'From: {ALICE}\r\nFrom: {BOB}\r\n': 550,
    f'From: {ALICE}\r\nFrom: {ALICE}\r\n': 550,
    f'From : {BOB}\r\n': 550,
    f'From: {ALICE}\r\nSender: {BOB}\r\n': 550,
    f'From: {ALICE}\r\nSender: {ALICE}\r\nSender: {ALICE}\r\n': 550,
    f'From: {BOB} <{ALICE}>\r\n': 550,
    f'From: <{ALICE}><{BOB}>\r\n': 550,
    f'From: <@evil.example:{ALICE}>\r\n': 550,
    f'From: {ALICE}(x)@evil.example\r\n': 550,
    f'From: group: {BOB};\r\n': 550,
    'From: undisclosed:;\r\n': 550,
    'From: =?utf-8?q?bob=40example.test?=\r\n': 550,
    'From:\r\n': 550,
    'Subject: nobody\r\n': 550,
    f'From: {ALICE}\r\nnot a field\r\nFrom: {BOB}\r\n': 550,
    ('X-Filler: ' + 'x' * 900 + '\r\n') * 80 + f'From: {ALICE}\r\n': 250,
    ('X-Filler: ' + 'x' * 900 + '\r\n') * 80 + f'From: {BOB}\r\n': 550,
}


@case('a user sends only as addresses that are theirs: From and Sender')
def own_from(_):
    for header, code in HEADERS.items():
        with Dialogue(local().submission) as client:
            client.greet()
            client.ask(plain(), 235)
            try:
                submit(client, header.encode() + b'\r\nbody\r\n', code)
            except Trouble as fault:
                raise Trouble(f'{header[:200]!r}: {fault}') from None


@case('Date and Message-ID are added when they are missing, and nothing else')
def missing(_):
    server = local()
    for name, more, added in (('both', '', True), ('none', 'Date: today\r\nMessage-ID: <x@y>\r\n', False)):
        sent = f'From: {ALICE}\r\nX-Test-Id: {name}\r\n{more}\r\nbody\r\n'.encode()
        with Dialogue(server.submission) as client:
            client.greet()
            client.ask(plain(), 235)
            submit(client, sent)
        got = mail.arrival(server.maildir('bob'), name)
        mail.same(got, sent)
        head = got[:len(got) - len(mail.as_file(sent))]
        assert (b'\nDate: ' in head) == added and (b'\nMessage-ID: <' in head) == added, head


@case('a long message of a submission gets its fields too')
def long_message(_):
    server = local()
    sent = f'From: {ALICE}\r\nX-Test-Id: long\r\n\r\n'.encode() + (b'x' * 70 + b'\r\n') * 5000
    with Dialogue(server.submission) as client:
        client.greet()
        client.ask(plain(), 235)
        submit(client, sent)
    got = mail.arrival(server.maildir('bob'), 'long')
    mail.same(got, sent)
    assert mail.field(got, 'Message-ID') and mail.field(got, 'Date')


# ---- herald user ----

@case('herald user adds, changes, lists and removes; comments and others stay')
def command(where):
    path = where / 'users'
    path.write_text('# people\n\nbob@example.test\n')
    user('add', path, ALICE, 'first')
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_text()
    assert before.startswith('# people\n\nbob@example.test\nalice@example.test:SCRAM-SHA-256$') and ' $y$' in before
    assert 'first' not in before
    assert user('add', path, 'ALICE@example.test', 'second', check=False).returncode == 65
    assert user('passwd', path, CAROL, 'x', check=False).returncode == 65
    assert user('passwd', path, ALICE, '', check=False).returncode == 65
    assert path.read_text() == before
    user('passwd', path, ALICE, 'second')
    assert path.read_text() != before
    rows = servers.json_rows(user('list', path, '--json').stdout)
    assert rows == [{'address': BOB, 'login': False, 'scram': False}, {'address': ALICE, 'login': True, 'scram': True}]
    user('remove', path, ALICE)
    assert path.read_text() == '# people\n\nbob@example.test\n'
    assert user('remove', path, ALICE, check=False).returncode == 65


@case('herald user takes no password and no address that it could not give back')
def unfit(where):
    path = where / 'users'
    for password, word in (('', '1 to 511'), ('x' * 512, '1 to 511'), ('a\0b', 'control'), ('a\tb', 'control'),
                           ('a\x7fb', 'control'), ('a\u200eb', 'RFC 4013')):
        done = user('add', path, ALICE, password, check=False)
        assert done.returncode == 65 and word in done.stderr, (password, done)
    for address in ('#a@example.test', '"a:b"@example.test', 'nobody', 'a:b@example.test'):
        assert user('add', path, address, 'x', check=False).returncode == 65, address
    assert not path.exists()
    user('add', path, ALICE, 'x' * 511)


@case('herald user follows a symbolic link, as the server does; several at once lose nobody')
def linked(where):
    real, link = where / 'real' / 'users', where / 'users'
    real.parent.mkdir()
    real.write_text(f'{BOB}\n')
    real.chmod(0o640)
    link.symlink_to(real)
    user('add', link, ALICE, SECRET)
    assert link.is_symlink() and real.stat().st_mode & 0o777 == 0o640 and ALICE in real.read_text()
    assert ALICE in user('list', link).stdout
    words = [str(servers.herald_path()), 'user', 'add', '--file', str(link)]
    children = [subprocess.Popen([*words, f'u{i}@example.test'], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
                for i in range(6)]
    for child in children:
        child.communicate(b'x\n')
    assert len(real.read_text().splitlines()) == 8 and not any(child.returncode for child in children)


@case('herald user says what is wrong with a configuration that it cannot read')
def no_configuration(where):
    for name, text, word in (('none', None, 'No such file'), ('bad', 'users = ', 'error'),
                             ('empty', '', 'does not say')):
        if text is not None:
            (where / name).write_text(text)
        done = subprocess.run([servers.herald_path(), 'user', 'list', '-c', where / name], capture_output=True,
                              text=True, check=False)
        assert done.returncode == 78 and word in done.stderr, done


@case('letters beyond ASCII: a password composed in either way, a domain in UTF-8 and in A-labels')
def composed(where):
    two, one = 'pa\u0308ssword', 'p\xe4ssword'
    host, ascii_host = 'b\xfccher.test', 'xn--bcher-kva.test'
    with Server(where, 'plaintext = loopback; backoff_account = 0s; backoff_client = 0s;',
                domains=f'["example.test", "{host}"]') as server:
        server.ready()
        user('add', server.users, f'j\xf6@{host}', two)
        assert user('add', server.users, f'j\xf6@{ascii_host.upper()}', two, check=False).returncode == 65
        server.reload()
        until(lambda: login(server, f'j\xf6@{host}', two) == '235', 30, 'no reload')
        assert login(server, f'j\xf6@{ascii_host}', one) == '235'
        assert login(server, f'j\xf6@{host}', 'passwort') == '535'
        with Dialogue(server.submission) as client:
            client.greet()
            client.ask(plain(f'j\xf6@{host}', one), 235)
            client.ask(f'MAIL FROM:<j\xf6@{host}> SMTPUTF8'.encode(), 250)
            client.ask('RSET', 250)
            client.ask(f'MAIL FROM:<j\xf6@{ascii_host}> SMTPUTF8'.encode(), 250)
            client.ask(f'RCPT TO:<j\xf6@{ascii_host}>'.encode(), 250)
            client.ask(f'RCPT TO:<j\xf6@{host}>'.encode(), 250)


@case('a user is added and a password changed while the server runs')
def reloaded(where):
    with Server(where, 'plaintext = loopback; backoff_account = 0s; backoff_client = 0s;') as server:
        server.ready()
        user('add', server.users, CAROL, 'of carol')
        user('passwd', server.users, ALICE, 'a new one')
        server.reload()
        until(lambda: login(server, CAROL, 'of carol') == '235', 10, 'no reload')
        assert login(server, ALICE, 'a new one') == '235' and login(server, ALICE, SECRET) == '535'


@case('a users file that everybody can read is refused')
def readable(where):
    server = Server(where)
    server.users.chmod(0o644)
    done = subprocess.run([servers.herald_path(), 'config', 'check', server.conf], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 78 and 'chmod 0600' in done.stdout + done.stderr, done
    assert 'SCRAM' not in done.stdout + done.stderr
