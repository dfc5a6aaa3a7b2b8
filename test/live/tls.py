# SPDX-License-Identifier: ISC
"""TLS of the server: by STARTTLS and from the first octet, with the clients that people have and with none of them."""
import os
import pathlib
import re
import smtplib
import socket
import ssl
import subprocess

import clients
from lab import certificates, mail, process, servers
from lab.cases import Shared, case
from lab.dialogue import Dialogue
from lab.process import Trouble, free_port, until


def anybody():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Server(servers.Herald):
    """herald with a second listener that speaks TLS from the first octet, and a third that demands STARTTLS."""

    def __init__(self, where, extra='', **more):
        self.implicit, self.required = free_port(), free_port()
        listeners = (f'listen "implicit" {{ address = "127.0.0.1:{self.implicit}"; tls = implicit; }}\n'
                     f'listen "required" {{ address = "127.0.0.1:{self.required}"; tls = required; }}\n')
        super().__init__(where, extra=listeners + extra, **more)


def shared():
    return Shared.get('tls', Server)


def secure(client, **more):
    """Wrap an open dialogue."""
    client.lines.close()
    client.peer = anybody().wrap_socket(client.peer, **more)
    client.lines = client.peer.makefile('rb')
    return client


def starttls(client, **more):
    client.ask('STARTTLS', 220)
    return secure(client, **more)


def s_client(port, *words, said='EHLO cli.test\nQUIT\n', start=True, check=True):
    more = ['-starttls', 'smtp'] if start else []
    return certificates.openssl('s_client', '-connect', f'127.0.0.1:{port}', *more, '-crlf', '-ign_eof', *words,
                                input=said.encode(), check=check)


# ---- clients ----

def swaks_starttls(port, to, path):
    clients.swaks_with(port, to, path, '--tls', '--tls-protocol', 'tlsv1_2')


def swaks_implicit(port, to, path):
    clients.swaks_with(port, to, path, '--tlsc')


def smtplib_starttls(port, to, path):
    with smtplib.SMTP('127.0.0.1', port, local_hostname='cli.test', timeout=60) as client:
        client.starttls(context=anybody())
        client.sendmail(clients.SENDER, to, path.read_bytes())


def smtplib_implicit(port, to, path):
    with smtplib.SMTP_SSL('127.0.0.1', port, local_hostname='cli.test', timeout=60, context=anybody()) as client:
        client.sendmail(clients.SENDER, to, path.read_bytes())


def msmtp_with(port, to, path, *more):
    with open(path, 'rb') as message:
        clients.run([clients.program('msmtp'), '--host=127.0.0.1', f'--port={port}', '--domain=cli.test', '--tls=on',
                     '--tls-certcheck=off', f'--from={clients.SENDER}', *more, *to],
                    stdin=message, env={**os.environ, 'HOME': '/nonexistent'})


def msmtp_starttls(port, to, path):
    msmtp_with(port, to, path)


def msmtp_implicit(port, to, path):
    msmtp_with(port, to, path, '--tls-starttls=off')


def curl_with(scheme, port, to, path):
    clients.run([clients.program('curl'), '-sS', '-k', '--ssl-reqd', '--mail-from', clients.SENDER, '--mail-rcpt', *to,
                 '-T', path, f'{scheme}://127.0.0.1:{port}/cli.test'])


def curl_starttls(port, to, path):
    curl_with('smtp', port, to, path)


def curl_implicit(port, to, path):
    curl_with('smtps', port, to, path)


def nodemailer_implicit(port, to, path):
    clients.program('npm')
    where = clients.nodemailer_folder()
    if where is None:
        raise process.Skip('npm cannot get nodemailer')
    clients.run([clients.program('node'), '-e', clients.NODEMAILER.replace('secure: false', 'secure: true'), '--', port,
                 clients.SENDER, ','.join(to), path], cwd=where)


CLIENTS = {
    'swaks --tls': (swaks_starttls, True, False), 'swaks --tlsc': (swaks_implicit, True, True),
    'smtplib starttls': (smtplib_starttls, False, False), 'SMTP_SSL': (smtplib_implicit, False, True),
    'msmtp STARTTLS': (msmtp_starttls, True, False), 'msmtp implicit': (msmtp_implicit, True, True),
    'curl smtp': (curl_starttls, False, False), 'curl smtps': (curl_implicit, False, True),
    'Nodemailer secure': (nodemailer_implicit, False, True),
}


def one(where, client, kind):
    function, as_text, implicit = CLIENTS[client]
    server = shared()
    name = f'tls-{client}-{kind}'.replace(' ', '-')
    message = clients.MAILS[kind](name)
    path = where / 'message.eml'
    path.write_bytes(mail.as_file(message) if as_text else message)
    function(server.implicit if implicit else server.port, ['alice@example.test'], path)
    stored = mail.arrival(server.maildir(), name)
    mail.same(stored, message)
    received = mail.field(stored, 'Received')
    if not re.search(r' with ESMTPS id \S+ for <alice@example\.test> tls TLS_\w+ \(TLSv1\.[23]\);', received):
        raise Trouble(f'Received: {received}')


for CLIENT in CLIENTS:
    for KIND in ('text', 'a 5 MB attachment'):
        case(f'{CLIENT} sends {KIND}', CLIENT, KIND)(one)


# ---- openssl s_client ----

@case('openssl s_client: TLS 1.2 and 1.3 by STARTTLS and from the first octet, nothing older')
def versions(_):
    server = shared()
    for port, start in ((server.port, True), (server.implicit, False)):
        for option, name in (('-tls1_2', 'TLSv1.2'), ('-tls1_3', 'TLSv1.3')):
            text = s_client(port, option, start=start)
            if f'New, {name}' not in text or '\n221 ' not in text.replace('\r', ''):
                raise Trouble(f'{option}: {text}')
        for words in (['-tls1_1'], ['-tls1'], ['-tls1_2', '-cipher', 'AES256-GCM-SHA384'],
                      ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES256-SHA384']):
            text = s_client(port, *words, start=start, check=False)
            if 'New, TLS' in text or '250-' in text:
                raise Trouble(f'{words}: {text}')


@case('SNI: each name gets its certificate, others get the default; names in any letters')
def names(where):
    pair = certificates.make(where, 'mx.herald.test', 'rsa')
    extra = (f'tls {{ certificate = "{pair[0]}"; key = "{pair[1]}"; }}\n'
             f'certificate "mail.example.org" {{ file = "{certificates.both(where, "mail.example.org")}"; }}\n'
             f'certificate "*.example.net" {{ file = "{certificates.both(where, "wild.example.net")}"; }}\n')
    rows = {'mail.example.org': 'mail.example.org', 'Mail.EXAMPLE.org': 'mail.example.org',
            'a.example.net': 'wild.example.net', 'example.net': 'mx.herald.test', 'x\\': 'mx.herald.test',
            'other.example': 'mx.herald.test'}
    with Server(where / 'server', extra=extra) as server:
        server.ready()
        for asked, wanted in rows.items():
            text = s_client(server.port, '-servername', asked)
            if f'subject=CN = {wanted}\n' not in text:
                raise Trouble(f'{asked} gets {text[:400]}')
        if 'subject=CN = mx.herald.test\n' not in s_client(server.port, '-noservername'):
            raise Trouble('who asks for no name does not get the default')


@case('tickets: resumed by every worker and after a reload; TLS 1.2 and 1.3')
def tickets(where):
    with Server(where, workers='2') as server:
        server.ready()
        for generation, version in enumerate(('-tls1_2', '-tls1_3'), 1):
            ticket = where / f'ticket{version}'
            s_client(server.port, version, '-sess_out', ticket)
            for _ in range(6):
                if 'Reused, TLS' not in s_client(server.port, version, '-sess_in', ticket):
                    raise Trouble(f'{version} is not resumed')
            server.events('server.ready', generation)
            server.reload()
            server.events('server.ready', generation + 1)
            if 'Reused, TLS' not in s_client(server.port, version, '-sess_in', ticket):
                raise Trouble(f'{version} is not resumed after a reload')
        if sum(row['resumed'] for row in server.final_events('tls.started')) != 14:
            raise Trouble('the log counts otherwise')


@case('client certificates: asked for, verified against client_ca, and never a reason to refuse')
def client_certificates(where):
    good, bad = (certificates.make(where, name) for name in ('alice.example', 'mallory.example'))
    with Server(where / 'server', extra=f'tls {{ client_ca = "{good[0]}"; }}') as server:
        server.ready()
        for pair in (good, bad, None):
            more = ['-cert', pair[0], '-key', pair[1]] if pair else []
            for version in ('-tls1_2', '-tls1_3'):
                if '\n221 ' not in s_client(server.port, version, *more).replace('\r', ''):
                    raise Trouble('a session was refused for its certificate')
        said = [row.get('certificate') for row in server.final_events('tls.started')]
        if said != ['verified'] * 2 + ['self-signed certificate'] * 2 + [None] * 2:
            raise Trouble(f'the log says {said}')


@case('ALPN: smtp or nothing; a browser is refused')
def alpn(_):
    port = shared().implicit
    for offered, good in ((['smtp'], True), (['h2', 'smtp'], True), ([], True), (['http/1.1'], False)):
        context = anybody()
        if offered:
            context.set_alpn_protocols(offered)
        try:
            with socket.create_connection(('127.0.0.1', port), timeout=60) as peer, context.wrap_socket(peer) as tls:
                said = tls.recv(100)
        except ssl.SSLError:
            said = b''
        if said.startswith(b'220') != good:
            raise Trouble(f'{offered}: {said!r}')


@case('REQUIRETLS is offered under TLS, however that was begun')
def requiretls(_):
    server = shared()
    for port, begin in ((server.port, starttls), (server.required, starttls), (server.implicit, secure)):
        with Dialogue(port) as client:
            if begin == starttls:
                if 'REQUIRETLS' in client.greet():
                    raise Trouble(f'{port}: it is offered in the clear')
                starttls(client)
                said = client.ask('EHLO cli.test', 250)
            else:
                said = secure(client).greet()
            if 'REQUIRETLS' not in said:
                raise Trouble(f'{port}: it is not offered under TLS: {said}')
            client.ask('MAIL FROM:<a@b.example> REQUIRETLS', 250)


@case('a session with TLS from the first octet takes one place, and gives it back')
def places(where):
    with Server(where, limits='sessions = 3;') as server:
        server.ready()
        for _ in range(5):
            with Dialogue(server.implicit) as client:
                secure(client).greet()
                client.ask('QUIT', 221)
                client.ended()
        until(lambda: [row['reason'] for row in server.events('session.close')].count('quit') == 5, 20,
              'the ends are not logged')
        held = [Dialogue(server.implicit) for _ in range(3)]
        for client in held:
            secure(client).greet()
        with Dialogue(server.port) as client:
            client.expect(421)
        for client in held:
            client.peer.close()


# ---- what must not be ----

@case('what stands behind STARTTLS in the clear is never carried out')
def injection(_):
    for behind in (b'EHLO evil.example\r\n', b'MAIL FROM:<evil@example.org>\r\nRCPT TO:<alice@example.test>\r\n',
                   b'\n', b'x'):
        with Dialogue(shared().port) as client:
            client.greet()
            client.send(b'STARTTLS\r\n' + behind)
            client.expect(554)
            if not client.ended():
                raise Trouble('the session goes on')


@case('what comes in the clear between 220 and the handshake ends the session')
def injection_later(_):
    with Dialogue(shared().port) as client:
        client.greet()
        client.ask('STARTTLS', 220)
        client.send(b'EHLO evil.example\r\nNOOP\r\n')
        rest = client.lines.read()
        if b'250' in rest:
            raise Trouble(f'answered: {rest!r}')


@case('nothing is kept over STARTTLS: greeting, transaction; it is not offered again')
def nothing_kept(_):
    with Dialogue(shared().port) as client:
        if 'STARTTLS' not in client.greet():
            raise Trouble('STARTTLS is not offered')
        starttls(client)
        client.ask('MAIL FROM:<a@b.example>', 503)
        if 'STARTTLS' in client.ask('EHLO cli.test', 250):
            raise Trouble('STARTTLS is offered under TLS')
        client.ask('RCPT TO:<alice@example.test>', 503)
        client.ask('STARTTLS', 503, 502, 554)
        client.message(mail.text('under-tls'), 250)
    mail.arrival(shared().maildir(), 'under-tls')


@case('STARTTLS within a transaction is refused, or the transaction is gone')
def within(_):
    with Dialogue(shared().port) as client:
        client.greet()
        client.envelope()
        client.ask('STARTTLS', 503, 220)


@case('the end of TLS is the end of the session: never plain text again')
def end_of_tls(_):
    with Dialogue(shared().port) as client:
        client.greet()
        starttls(client)
        client.ask('EHLO cli.test', 250)
        plain = client.peer.unwrap()
        client.lines.close()
        try:
            plain.sendall(b'MAIL FROM:<evil@example.org>\r\n')
            rest = plain.recv(1000)
        except OSError:
            rest = b''
        plain.close()
        if rest:
            raise Trouble(f'after TLS: {rest!r}')


@case('plain octets in the middle of TLS end the session')
def plain_within(_):
    with Dialogue(shared().implicit) as client:
        secure(client)
        client.greet()
        socket.socket(fileno=os.dup(client.peer.fileno())).sendall(b'MAIL FROM:<evil@example.org>\r\n')
        try:
            rest = client.lines.read()
        except OSError:
            rest = b''
        if b'250' in rest:
            raise Trouble(f'answered: {rest!r}')


@case('tls = required: 530 before STARTTLS, all goes after it')
def required(_):
    server = shared()
    with Dialogue(server.required) as client:
        client.greet()
        if '5.7.0' not in client.ask('MAIL FROM:<a@b.example>', 530):
            raise Trouble('530 without its code')
        client.ask('VRFY alice', 530)
        client.ask('NOOP', 250)
        starttls(client)
        client.ask('EHLO cli.test', 250)
        client.message(mail.text('required'), 250)
    mail.arrival(server.maildir(), 'required')


@case('plain clients, garbage and silence on the port with implicit TLS: never an answer in the clear')
def not_tls(where):
    with Server(where, limits='tls_timeout = 1s;') as server:
        server.ready()
        for octets in (b'GET / HTTP/1.1\r\nHost: x\r\n\r\n', b'EHLO cli.test\r\nQUIT\r\n', bytes(range(256)) * 8,
                       b'\x16\x03\x01\x00', b''):
            with Dialogue(server.implicit) as client:
                client.send(octets)
                try:
                    rest = client.lines.read()
                except TimeoutError:
                    raise Trouble(f'{octets[:20]!r}: the connection stays') from None
                except OSError:
                    rest = b''
            if re.search(rb'^[245]\d\d', rest):
                raise Trouble(f'{octets[:20]!r}: {rest!r}')
        reasons = {row['reason'] for row in server.final_events('tls.failed')}
        if not {'http request', 'it took too long'} <= reasons:
            raise Trouble(f'the log says {reasons}')


@case('limits.tls_timeout: an octet a second does not hold a handshake open')
def slow(where):
    with Server(where, limits='tls_timeout = 2s;') as server:
        server.ready()
        with Dialogue(server.port) as client:
            client.greet()
            client.ask('STARTTLS', 220)
            try:
                for octet in b'\x16\x03\x01\x01\x00\x01\x00\x00\xfc\x03\x03' + bytes(40):
                    client.send(bytes([octet]))
                    if client.waits(0.5):
                        break
                else:
                    raise Trouble('the handshake was not ended')
            except OSError:
                pass
        server.events('tls.failed')


# ---- certificates and keys ----

@case('without a certificate herald makes one, for its owner alone, and keeps it')
def own_certificate(where):
    with Server(where) as server:
        server.ready()
        chain, key = server.data / 'tls/certificate.pem', server.data / 'tls/key.pem'
        first = chain.read_bytes()
        if key.stat().st_mode & 0o777 != 0o600 or certificates.subject(first.decode()) != 'mx.herald.test':
            raise Trouble('not as it should be')
        shown = ssl.get_server_certificate(('127.0.0.1', server.implicit))
        server.stop()
        server.ready()
        if chain.read_bytes() != first or ssl.get_server_certificate(('127.0.0.1', server.implicit)) != shown:
            raise Trouble('another certificate after a restart')
        if 'Private-Key: (256 bit' not in certificates.openssl('pkey', '-in', key, '-noout', '-text'):
            raise Trouble('not P-256')
        server.settings['hostname'] = '"new.herald.test"'
        server.write_conf()
        server.reload()
        until(lambda: certificates.subject(ssl.get_server_certificate(('127.0.0.1', server.implicit)))
              == 'new.herald.test', 30, 'the certificate has the former name')


def memory_of(pid):
    """All that a process can write to."""
    with open(f'/proc/{pid}/maps', encoding='ascii') as maps, open(f'/proc/{pid}/mem', 'rb') as memory:
        for line in maps:
            if line.split()[1].startswith('rw') and '[v' not in line:
                start, end = (int(number, 16) for number in line.split()[0].split('-'))
                if end - start > 1 << 32:
                    raise process.Skip('built with a sanitizer, whose memory is too large to look through')
                memory.seek(start)
                yield memory.read(end - start)


def known_to_alone(server, kind, *needles):
    """Trouble unless these octets are in the memory of the supervisor and of this kind of child, and of no other."""
    server.events('server.ready')
    knows = {}
    for pid in process.pids_of(server.child.pid):
        name = pathlib.Path(f'/proc/{pid}/cmdline').read_bytes().split(b'\0')[0].decode()
        knows[name] = any(needle in part for part in memory_of(pid) for needle in needles)
    wrong = [name for name, known in knows.items() if known != (kind in name or 'supervisor' in name)]
    if wrong or len(knows) < 5:
        raise Trouble(f'who knows it: {knows}')


@case('the private key is in the memory of smtpd and of no other child')
def wiped(where):
    if os.geteuid() != 0:
        raise process.Skip('only root can look into other processes')
    with Server(where) as server:
        server.ready()
        text = certificates.openssl('pkey', '-in', server.data / 'tls/key.pem', '-noout', '-text')
        number = bytes.fromhex(re.sub(r'[^0-9a-f]', '', text.partition('priv:')[2].partition('pub:')[0]))[-32:]
        if not ssl.get_server_certificate(('127.0.0.1', server.implicit)):
            raise Trouble('no certificate')
        known_to_alone(server, 'smtpd', number, number[::-1])


@case('SIGHUP with a new certificate: new sessions get it, one under TLS goes on')
def reload(where):
    folders = [where / name for name in ('one', 'two')]
    pairs = [certificates.make(folder, 'mx.herald.test') for folder in folders]
    with Server(where / 'server', extra=f'tls {{ certificate = "{pairs[0][0]}"; key = "{pairs[0][1]}"; }}') as server:
        server.ready()
        old = ssl.get_server_certificate(('127.0.0.1', server.implicit))
        with Dialogue(server.port) as client:
            client.greet()
            starttls(client)
            for new, now in zip(pairs[1], pairs[0]):
                pathlib.Path(now).write_bytes(pathlib.Path(new).read_bytes())
            server.reload()
            until(lambda: ssl.get_server_certificate(('127.0.0.1', server.implicit)) != old, 10, 'the old certificate')
            client.ask('EHLO cli.test', 250)
            client.message(mail.text('before-reload'), 250)
        mail.arrival(server.maildir(), 'before-reload')
        pathlib.Path(pairs[0][1]).chmod(0o640)
        server.reload()
        server.heard('config.bad', 'chmod 0600')
        if 'New, TLS' not in s_client(server.port):
            raise Trouble('a bad reload ended the service')


@case('a certificate that has ended, or is of another name, is shown all the same; config check and the log say so')
def ended(where):
    certificate, key = certificates.make(where, 'mx.herald.test')
    certificates.openssl('x509', '-in', certificate, '-signkey', key, '-days', '-1', '-out', certificate)
    other = certificates.make(where, 'other.herald.test')
    extra = (f'tls {{ certificate = "{certificate}"; key = "{key}"; }}\n'
             f'certificate "other.herald.test" {{ file = "{other[0]}"; key = "{other[1]}"; }}\n'
             f'certificate "third.herald.test" {{ file = "{other[0]}"; key = "{other[1]}"; }}\n')
    with Server(where / 'server', extra=extra) as server:
        done = subprocess.run([servers.herald_path(), 'config', 'check', server.conf], capture_output=True, text=True,
                              check=False)
        if (done.returncode != 0 or 'this certificate ended on' not in done.stderr
                or 'is not for third.herald.test' not in done.stderr or 'for other.' in done.stderr):
            raise Trouble(f'exit code {done.returncode}, said {done.stderr!r}')
        server.ready()
        server.heard('this certificate ended on')
        if 'certificate has expired' not in s_client(server.port):
            raise Trouble('it is not shown')


def spoil(kind, where, pair):
    """The certificate and key to configure, spoilt in one way, and a word of what must be said."""
    certificate, key = pair
    if kind == 'readable by its group':
        key.chmod(0o640)
        return certificate, key, 'chmod 0600'
    if kind == 'readable by all':
        key.chmod(0o604)
        return certificate, key, 'chmod 0600'
    if kind == 'of another user':
        if os.geteuid() != 0:
            raise process.Skip('only root can give a file away')
        os.chown(key, 1, 1)
        return certificate, key, 'neither to root nor'
    if kind == 'not there':
        return certificate, where / 'nothing.key', 'nothing.key'
    if kind == 'with a passphrase':
        certificates.openssl('pkey', '-in', key, '-aes256', '-passout', 'pass:secret', '-out', where / 'locked.key')
        (where / 'locked.key').chmod(0o600)
        return certificate, where / 'locked.key', 'no private key'
    if kind == 'a pipe':
        os.mkfifo(where / 'pipe', 0o600)
        return certificate, where / 'pipe', 'this is no file'
    if kind == 'of another certificate':
        return certificate, certificates.make(where / 'other', 'other.test')[1], 'no private key'
    if kind == 'a pipe that nobody writes':
        os.mkfifo(where / 'pipe')
        return where / 'pipe', key, 'this is no file'
    certificate.write_text('nonsense')
    return certificate, key, 'no certificate'


@case('a key that cannot be used', 'readable by its group')
@case('a key that cannot be used', 'readable by all')
@case('a key that cannot be used', 'of another user')
@case('a key that cannot be used', 'not there')
@case('a key that cannot be used', 'with a passphrase')
@case('a key that cannot be used', 'of another certificate')
@case('a key that cannot be used', 'a pipe')
@case('a certificate that cannot be used', 'nonsense')
@case('a certificate that cannot be used', 'a pipe that nobody writes')
def bad_key(where, kind):
    certificate, key, word = spoil(kind, where, certificates.make(where, 'mx.herald.test'))
    server = Server(where / 'server', extra=f'tls {{ certificate = "{certificate}"; key = "{key}"; }}')
    check = [servers.herald_path(), 'config', 'check', server.conf]
    for words in (server.words, check):
        done = subprocess.run([str(part) for part in words], capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 78 or word not in done.stderr:
            raise Trouble(f'{words[1]}: exit code {done.returncode}, said {done.stderr!r}')
