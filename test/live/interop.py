# SPDX-License-Identifier: ISC
"""The rest of what mail programs can do with TLS and AUTH: each option of theirs once, and what it says when refused.

HACKING.md has the table of clients and features; the plain cases stand in clients.py, tls.py and auth.py.
"""
import json
import os
import re
import smtplib
import subprocess

import auth
import clients
from auth import ALICE, BOB, SECRET, TOKEN
from lab import certificates, mail
from lab.cases import Shared, case
from lab.process import Trouble, free_port, until

DKIM = '''
const mailer = require("nodemailer"), [port, to, privateKey] = process.argv.slice(1);
const way = mailer.createTransport({host: "127.0.0.1", port, secure: true, name: "cli.test", pool: true,
  tls: {rejectUnauthorized: false}, auth: {user: "alice@example.test", pass: "s3cret of alice"},
  dkim: {domainName: "example.test", keySelector: "s", privateKey, skipFields: ""}});
const one = (name, text) => way.sendMail({from: "Alice <alice@example.test>", to, subject: name + " \\u00fc", text,
  headers: {"X-Test-Id": name}, attachments: [{filename: "a.bin", content: Buffer.alloc(70000, 1)}]});
Promise.all([one("dkim-dots", ".\\n..\\n.x\\n"), one("dkim-utf8", "\\u96ea and \\u20ac \\n\\n\\n"),
  one("dkim-empty", "")])
  .then(() => { way.close(); process.exit(0); }, fault => { console.error(fault); process.exit(1); });
'''
REFUSED = '''
const mailer = require("nodemailer"), [port, how] = process.argv.slice(1);
const more = {tls: {rejectUnauthorized: false}, ...JSON.parse(how)};
mailer.createTransport({host: "127.0.0.1", port, name: "cli.test", ...more})
  .sendMail({from: "alice@example.test", to: "bob@example.test", text: "x"})
  .then(() => process.exit(1), fault => { console.log(fault.code, fault.responseCode); process.exit(0); });
'''
VERIFY = '''
import dkim, sys
asked = []
good = dkim.verify(sys.stdin.buffer.read(), dnsfunc=lambda name, **_: asked.append(name) or sys.argv[1].encode())
sys.exit(0 if good and asked == [b"s._domainkey.example.test."] else 1)
'''


class Server(auth.Server):
    """The server of auth.py with a submission port under TLS from the first octet, LMTP, and a CA for clients."""

    def __init__(self, where):
        self.implicit, self.lmtp = free_port(), free_port()
        self.own, self.client = (certificates.make(where, name, email=email)
                                 for name, email in (('mx.herald.test', ''), ('alice.example', ALICE)))
        other = certificates.both(where, 'other.example')
        super().__init__(where, 'backoff_account = 0s; backoff_client = 0s;', extra=(
            f'tls {{ certificate = "{self.own[0]}"; key = "{self.own[1]}"; client_ca = "{self.client[0]}"; }}\n'
            f'certificate "other.example" {{ file = "{other}"; }}\n'
            f'listen "implicit" {{ address = "127.0.0.1:{self.implicit}"; role = submission; tls = implicit; }}\n'
            f'listen "lmtp" {{ address = "127.0.0.1:{self.lmtp}"; role = lmtp; }}\n'))


def shared():
    return Shared.get('interop', Server)


def event_of(server, event, name):
    """The event of the session that brought bob the message of this name."""
    received = mail.field(mail.arrival(server.maildir('bob'), name), 'Received')
    return server.events_of_message(event, re.search(r' id (\w+) ', received)[1])[0]


def ends(words, **more):
    """(exit code, all that was said) of a program that may fail."""
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=120, check=False, **more)
    return done.returncode, done.stdout.decode(errors='replace')


# ---- swaks ----

def swaks(server, name, *words, port=None):
    """Hand in a message under this name."""
    return ends([clients.program('swaks'), '--server', f'127.0.0.1:{port or server.submission}', '--from', ALICE,
                 '--to', BOB, '--helo', 'cli.test', '--header', f'X-Test-Id: {name}', *words])


AUTH = ('--auth-user', ALICE, '--auth-password', SECRET, '--auth')
PLAIN = (*AUTH, 'PLAIN')
GOOD = {
    'TLS 1.2': ('--tls', '--tls-protocol', 'tlsv1_2', *PLAIN),
    'TLS 1.3': ('--tls', '--tls-protocol', 'tlsv1_3', *PLAIN),
    'no old protocol': ('--tls', '--tls-protocol', 'no_sslv2,no_sslv3,no_tlsv1,no_tlsv1_1', *PLAIN),
    'one cipher': ('--tls', '--tls-protocol', 'tlsv1_2', '--tls-cipher', 'ECDHE-ECDSA-CHACHA20-POLY1305', *PLAIN),
    'optional': ('--tls-optional', *PLAIN),
    'optional, strict': ('--tls-optional-strict', *PLAIN),
    'SNI': ('--tls', '--tls-sni', 'other.example', *PLAIN),
    'verified': ('--tls', '--tls-verify', '--tls-ca-path', '{own}', *PLAIN),
    'with a certificate': ('--tls', '--tls-cert', '{certificate}', '--tls-key', '{key}', *PLAIN),
    'LOGIN': ('--tls', *AUTH, 'LOGIN'),
    'any mechanism': ('--tls', *AUTH),
    'the best of a list': ('--tls', *AUTH, 'CRAM-MD5,NTLM,LOGIN'),
    'pipelined': ('--tls', '--pipeline', *PLAIN),
}


def filled(server, words):
    return [word.format(own=server.own[0], certificate=server.client[0], key=server.client[1])
            if word.startswith('{') else word for word in words]


def taken(_, name, implicit):
    server, test = shared(), f'swaks-{name}-{implicit}'.replace(' ', '-').replace(',', '')
    words = filled(server, GOOD[name])
    if implicit:
        words = ['--tls-on-connect', *(word for word in words if word not in ('--tls', '--tls-optional'))]
    code, said = swaks(server, test, *words, port=server.implicit if implicit else None)
    if code != 0 or 'TLS started with cipher TLSv1.' not in said:
        raise Trouble(f'swaks ends with {code}: {said[-1500:]}')
    mail.arrival(server.maildir('bob'), test)


for NAME in GOOD:
    case(f'swaks, STARTTLS: {NAME}', NAME, False)(taken)
    if 'optional' not in NAME:
        case(f'swaks, implicit TLS: {NAME}', NAME, True)(taken)


@case('swaks: the certificate of the name that is asked for, and ours is seen and verified')
def certificates_seen(where):
    server = shared()
    for name, wanted in (('other.example', 'other.example'), ('mx.herald.test', 'mx.herald.test')):
        code, said = swaks(server, f'seen-{name}', '--tls', '--tls-sni', name, '--tls-get-peer-cert', where / name,
                           *filled(server, GOOD['with a certificate'])[1:])
        shown = certificates.subject((where / name).read_text())
        assert code == 0 and shown == wanted, (said, shown)
        assert event_of(server, 'tls.started', f'seen-{name}')['certificate'] == 'verified'


# Exit codes of swaks: 28 AUTH, 29 TLS.
BAD = {
    'CRAM-MD5': (28, 'requested type not available', ('--tls', *AUTH, 'CRAM-MD5')),
    'CRAM-SHA1': (28, 'requested type not available', ('--tls', *AUTH, 'CRAM-SHA1')),
    'DIGEST-MD5': (28, 'requested type not available', ('--tls', *AUTH, 'DIGEST-MD5')),
    'NTLM': (28, 'requested type not available', ('--tls', *AUTH, 'NTLM')),
    'a wrong password': (28, '535 5.7.8 Authentication credentials invalid',
                         ('--tls', '--auth', 'PLAIN', '--auth-user', BOB, '--auth-password', 'wrong')),
    'AUTH in the clear': (28, 'Host did not advertise authentication', PLAIN),
    'no AUTH': (23, '530 5.7.0', ('--tls',)),
    'TLS 1.0': (29, 'TLS startup failed', ('--tls', '--tls-protocol', 'tlsv1', *PLAIN)),
    'TLS 1.1': (29, 'TLS startup failed', ('--tls', '--tls-protocol', 'tlsv1_1', *PLAIN)),
    'a cipher without forward secrecy': (29, 'TLS startup failed', (
        '--tls', '--tls-protocol', 'tlsv1_2', '--tls-cipher', 'AES256-GCM-SHA384', *PLAIN)),
    'a certificate of nobody known': (29, 'certificate verify failed', ('--tls', '--tls-verify', *PLAIN)),
}


def refused(_, name):
    wanted, words, options = BAD[name]
    code, said = swaks(shared(), 'refused', *options)
    if code != wanted or words not in said:
        raise Trouble(f'swaks ends with {code}, not {wanted}: {said[-1500:]}')


for NAME in BAD:
    case(f'swaks is told: {NAME}', NAME)(refused)


# ---- Nodemailer ----

@case('Nodemailer, a pool under TLS: its DKIM signatures verify on what was delivered (dkimpy)')
def signatures(where):
    server, key = shared(), where / 'dkim.key'
    certificates.openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', key)
    public = certificates.openssl('pkey', '-in', key, '-pubout').split('-----')[2].replace('\n', '')
    auth.run_node(DKIM, server.implicit, BOB, key.read_text())

    def verifies(octets):
        # Debian's Python: another one in PATH may not have the library.
        return subprocess.run(['/usr/bin/python3', '-c', VERIFY, f'v=DKIM1; k=rsa; p={public}'], input=octets,
                              check=False).returncode == 0
    for name in ('dkim-dots', 'dkim-utf8', 'dkim-empty'):
        sent = mail.arrival(server.maildir('bob'), name).replace(b'\n', b'\r\n')
        assert verifies(sent), f'{name} does not verify:\n{sent[:3000].decode(errors="replace")}'
        assert not verifies(sent.replace(b'AQEBAQEB', b'AQEBAQEC', 1)), 'any body verifies'


def nodemailer_told(_, how, wanted, implicit=False):
    server, where = shared(), clients.nodemailer_folder()
    if where is None:
        raise Skip('npm cannot get nodemailer')
    done = subprocess.run(['node', '-e', REFUSED, '--', str(server.implicit if implicit else server.submission),
                           json.dumps(how)], cwd=where, capture_output=True, text=True,
                          timeout=120, check=False)
    if done.returncode != 0 or done.stdout.strip() != wanted:
        raise Trouble(f'wanted {wanted!r}, got {done.stdout!r} {done.stderr[-800:]}')


case('Nodemailer is told: a wrong password', {'requireTLS': True, 'auth': {'user': BOB, 'pass': 'x'}}, 'EAUTH 535'
     )(nodemailer_told)
case('Nodemailer is told: a token that is not valid', {'requireTLS': True, 'auth': {
    'type': 'OAuth2', 'user': ALICE, 'accessToken': 'no'}}, 'EAUTH 535')(nodemailer_told)
case('Nodemailer is told: a mechanism that is not there', {'requireTLS': True, 'authMethod': 'CRAM-MD5', 'auth': {
    'user': ALICE, 'pass': SECRET}}, 'EAUTH 504')(nodemailer_told)
case('Nodemailer is told: no log-in without TLS', {'ignoreTLS': True, 'auth': {'user': ALICE, 'pass': SECRET}},
     'EENVELOPE 530')(nodemailer_told)
case('Nodemailer is told: no log-in', {'requireTLS': True}, 'EENVELOPE 530')(nodemailer_told)


# ---- msmtp, curl ----

def msmtp(server, name, *words, implicit=False):
    return ends([clients.program('msmtp'), '--host=127.0.0.1', '--domain=cli.test', '--tls=on', '--tls-certcheck=off',
                 f'--port={server.implicit if implicit else server.submission}',
                 *(['--tls-starttls=off'] if implicit else []), f'--user={ALICE}', f'--passwordeval=echo {SECRET}',
                 f'--from={ALICE}', *words, BOB], input=auth.message(name).replace(b'\r\n', b'\n'),
                env={**os.environ, 'HOME': '/nonexistent'})


@case('msmtp: SCRAM-SHA-256 and the best mechanism over implicit TLS, EXTERNAL with a certificate, its own CA file')
def msmtp_ways(_):
    server = shared()
    for name, implicit, words in (
            ('scram', True, ['--auth=scram-sha-256']), ('best', True, ['--auth=on']),
            ('best-start', False, ['--auth=on']),
            ('external', False, ['--auth=external', f'--tls-cert-file={server.client[0]}',
                                 f'--tls-key-file={server.client[1]}']),
            ('pinned', False, ['--auth=plain', f'--tls-trust-file={server.own[0]}'])):
        code, said = msmtp(server, f'msmtp-{name}', *words, implicit=implicit)
        assert code == 0, (name, said)
        mail.same(mail.arrival(server.maildir('bob'), f'msmtp-{name}'), auth.message(f'msmtp-{name}'))
        mechanism = event_of(server, 'auth.ok', f'msmtp-{name}')['mechanism']
        assert mechanism == {'scram': 'SCRAM-SHA-256', 'external': 'EXTERNAL'}.get(name, 'PLAIN'), (name, mechanism)


@case('msmtp is told: CRAM-MD5 and NTLM are not there, and a wrong password')
def msmtp_told(_):
    server = shared()
    for words, wanted in ((['--auth=cram-md5'], 'the server does not support'), (['--auth=ntlm'], 'does not support'),
                          (['--auth=plain', f'--user={BOB}'], '535 5.7.8')):
        code, said = msmtp(server, 'refused', *words)
        assert code != 0 and wanted in said, (words, code, said)


def curl(server, name, where, *words, scheme='smtps', host='127.0.0.1'):
    path = where / f'{name}.eml'
    path.write_bytes(auth.message(name))
    port = server.implicit if scheme == 'smtps' else server.submission
    return ends([clients.program('curl'), '-sS', '-k', '--ssl-reqd', '--mail-from', ALICE, '--mail-rcpt', BOB,
                 '-T', path, *words, f'{scheme}://{host}:{port}/cli.test'])


@case('curl smtps: PLAIN, LOGIN, OAUTHBEARER, XOAUTH2, EXTERNAL; TLS 1.2 and 1.3; verified against a CA')
def curl_ways(where):
    server = shared()
    user = ['--user', f'{ALICE}:{SECRET}']
    bearer = ['--user', f'{ALICE}:', '--oauth2-bearer', TOKEN]
    named = ['--resolve', f'mx.herald.test:{server.implicit}:127.0.0.1', '--cacert', server.own[0], '--no-insecure']
    for name, words in {
            'plain': ['--login-options', 'AUTH=PLAIN', '--tls-max', '1.2', *user],
            'login': ['--login-options', 'AUTH=LOGIN', '--tlsv1.3', *user],
            'bearer': ['--login-options', 'AUTH=OAUTHBEARER', *bearer],
            'xoauth2': ['--login-options', 'AUTH=XOAUTH2', *bearer],
            'external': ['--login-options', 'AUTH=EXTERNAL', '--cert', server.client[0], '--key', server.client[1],
                         '--user', f'{ALICE}:'],
            'verified': [*user, *named]}.items():
        code, said = curl(server, f'curl-{name}', where, *words,
                          host='mx.herald.test' if name == 'verified' else '127.0.0.1')
        assert code == 0, (name, code, said)
        mail.same(mail.arrival(server.maildir('bob'), f'curl-{name}'), auth.message(f'curl-{name}'))


@case('curl is told: NTLM and CRAM-MD5 are not there, a wrong password, an unknown CA')
def curl_told(where):
    server = shared()
    for code, words in ((67, ['--user', f'{ALICE}:{SECRET}', '--login-options', 'AUTH=NTLM']),
                        (67, ['--user', f'{ALICE}:{SECRET}', '--login-options', 'AUTH=CRAM-MD5']),
                        (67, ['--user', f'{BOB}:wrong']), (60, ['--user', f'{ALICE}:{SECRET}', '--no-insecure'])):
        for scheme in ('smtps', 'smtp'):
            got, said = curl(server, 'refused', where, *words, scheme=scheme)
            assert got == code, (words, scheme, got, said)


# ---- Python ----

def python(server, implicit):
    if implicit:
        return smtplib.SMTP_SSL('127.0.0.1', server.implicit, local_hostname='cli.test', context=auth.anybody())
    client = smtplib.SMTP('127.0.0.1', server.submission, local_hostname='cli.test')
    client.starttls(context=auth.anybody())
    return client


@case('Python smtplib, STARTTLS and SMTP_SSL: SMTPUTF8 after login, and XOAUTH2')
def smtputf8(_):
    server = shared()
    for implicit in (False, True):
        name = f'utf8-{implicit}'
        with python(server, implicit) as client:
            client.login(ALICE, SECRET)
            assert client.has_extn('smtputf8')
            text = auth.message(name).replace(b'Alice <', 'Älice <'.encode())
            client.sendmail(ALICE, [BOB, 'jörg@elsewhere.example'], text, ['SMTPUTF8', 'BODY=8BITMIME'])
        mail.same(mail.arrival(server.maildir('bob'), name), text)
        with python(server, implicit) as client:
            client.ehlo()
            client.auth('XOAUTH2', lambda challenge=None: f'user={ALICE}\1auth=Bearer {TOKEN}\1\1')
            client.sendmail(ALICE, [BOB], auth.message(f'xoauth2-{implicit}'))
        mail.arrival(server.maildir('bob'), f'xoauth2-{implicit}')


@case('Python smtplib.LMTP, in the clear and under STARTTLS (it reads one reply: one recipient that is taken)')
def lmtp(_):
    server = shared()
    for secure in (False, True):
        with smtplib.LMTP('127.0.0.1', server.lmtp, local_hostname='cli.test') as client:
            if secure:
                client.starttls(context=auth.anybody())
            for user in ('alice', 'bob'):
                name = f'lmtp-{secure}-{user}'
                gone = client.sendmail('sender@client.example', [f'{user}@example.test', 'b@elsewhere.example'],
                                       mail.text(name))
                assert gone.keys() == {'b@elsewhere.example'} and gone['b@elsewhere.example'][0] == 550, gone
                mail.same(mail.arrival(server.maildir(user), name), mail.text(name))


# ---- openssl ----

@case('openssl s_client: a whole message typed in, by STARTTLS of SMTP and LMTP and from the first octet')
def typed(_):
    server = shared()
    login = 'AUTH PLAIN ' + auth.in_base64(f'\0{ALICE}\0{SECRET}')
    for name, port, words, hello, log in (
            ('smtp', server.submission, ['-starttls', 'smtp', '-name', 'cli.test'], 'EHLO', login),
            ('lmtp', server.lmtp, ['-starttls', 'lmtp', '-name', 'cli.test'], 'LHLO', 'NOOP'),
            ('smtps', server.implicit, [], 'EHLO', login)):
        lines = [f'{hello} cli.test', log, f'MAIL FROM:<{ALICE}>', f'RCPT TO:<{BOB}>', 'DATA',
                 *auth.message(f'typed-{name}').decode().split('\r\n')[:-1], '.', 'QUIT']
        for version in ('-tls1_2', '-tls1_3'):
            said = certificates.openssl('s_client', '-connect', f'127.0.0.1:{port}', '-crlf', '-quiet', '-ign_eof',
                                        version, *words, input=('\n'.join(lines) + '\n').encode(), check=False)
            assert '\n221 2.0.0' in said.replace('\r', ''), said
        until(lambda test=f'X-Test-Id: typed-{name}'.encode(): sum(
            test in text for text in mail.read(server.maildir('bob'))) == 2, 10, f'two messages by {name}')
