# SPDX-License-Identifier: ISC
"""The way out under TLS, with DSN and SMTPUTF8: to Postfix, Exim, another herald, and servers that play tricks."""
import contextlib
import socket
import subprocess
import threading

from lab import mail, process, servers
from lab.cases import case
from lab.dialogue import Dialogue
from lab.process import Trouble
from relay import bounce, submit


def certificate(where, name='localhost'):
    """A key and a certificate that signs itself: paths of both."""
    where.mkdir(parents=True, exist_ok=True)
    key, cert = where / 'key.pem', where / 'cert.pem'
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert,
                    '-days', '2', '-subj', f'/CN={name}', '-addext', f'subjectAltName=DNS:{name},IP:127.0.0.1'],
                   check=True, capture_output=True)
    return key, cert


def route(port, more='', scheme='smtp'):
    return f'route "*" {{ via = "{scheme}://127.0.0.1:{port}"; {more} }}'


def near(where, port, more='', scheme='smtp', **settings):
    return servers.Herald(where / 'near', extra=route(port, more, scheme), **{'domains': '["sender.test"]', **settings})


def plain_postfix(where, **more):
    (where / 'postfix').mkdir(parents=True, exist_ok=True)
    return servers.Postfix(where / 'postfix', **more)


def postfix(where, **more):
    key, cert = certificate(where / 'tls')
    return plain_postfix(where, smtpd_tls_security_level='may', smtpd_tls_key_file=key,
                           smtpd_tls_cert_file=cert, smtpd_tls_loglevel='1', smtpd_tls_received_header='yes',
                           smtputf8_enable='yes', **more)


def arrives(where, far, sender, name, wanted=b'TLS'):
    submit(sender, mail.text(name))
    got = mail.arrival(far.maildir(), name)
    if wanted not in got:
        raise Trouble(f'{wanted!r} is not in what arrived:\n{got.decode(errors="replace")[:1500]}')
    return got


@case('Postfix takes mail under STARTTLS, verified against its own certificate')
def postfix_tls(where):
    with postfix(where) as far:
        far.ready()
        more = f'tls = require; ca_file = "{where}/tls/cert.pem";'
        with near(where / 'a', far.port, more) as sender:
            sender.ready()
            arrives(where, far, sender, 'verified', b'using TLS')
            sender.heard('tls.started', '"certificate":"verified"')


@case('Postfix: a certificate of nobody we know is refused under require, used under try')
def postfix_unknown(where):
    with postfix(where) as far, near(where / 'a', far.port, 'tls = require;') as strict, \
            near(where / 'b', far.port) as lax:
        far.ready()
        strict.ready()
        lax.ready()
        submit(strict, mail.text('strict'))
        strict.heard('delivery.deferred', 'tls: ')
        arrives(where, far, lax, 'lax', b'using TLS')
        if len(mail.read(far.maildir())) != 1:
            raise Trouble('what must not be sent was sent')


@case('herald to herald: STARTTLS, and implicit TLS')
def two_heralds(where):
    key, cert = certificate(where / 'tls')
    key.chmod(0o600)
    port = process.free_port()
    extra = (f'tls {{ certificate = "{cert}"; key = "{key}"; }}\n'
             f'listen "smtps" {{ address = "127.0.0.1:{port}"; tls = implicit; }}')
    more = f'tls = require; ca_file = "{cert}";'
    with servers.Herald(where / 'far', extra=extra) as far, near(where / 'a', far.port, more) as starttls, \
            near(where / 'b', port, more, 'smtps') as implicit:
        far.ready()
        starttls.ready()
        implicit.ready()
        arrives(where, far, starttls, 'starttls', b'TLS')
        arrives(where, far, implicit, 'implicit', b'TLS')


class Trick(threading.Thread):
    """A server of one dialogue after another: pairs of what it waits for and what it says."""

    def __init__(self, *dialogues):
        super().__init__(daemon=True)
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.dialogues, self.heard = dialogues, []
        self.start()

    def run(self):
        for dialogue in self.dialogues:
            peer, _ = self.listener.accept()
            with contextlib.suppress(OSError), peer, peer.makefile('rb') as lines:
                peer.sendall(b'220 trick ESMTP\r\n')
                for verb, answer in dialogue:
                    line = lines.readline()
                    self.heard.append(line)
                    while verb == b'.' and line not in (b'.\r\n', b''):
                        line = lines.readline()
                        self.heard.append(line)
                    if not line:
                        break
                    peer.sendall(answer)
                self.heard.append(lines.readline())


MAIL = [(b'MAIL', b'250 ok\r\n'), (b'RCPT', b'250 ok\r\n'), (b'DATA', b'354 go\r\n'), (b'.', b'250 ok\r\n')]
EHLO = (b'EHLO', b'250-trick\r\n250 STARTTLS\r\n')


@case('STARTTLS response injection: what stands behind the 220 is never believed')
def injection(where):
    trick = Trick([EHLO, (b'STARTTLS', b'220 go\r\n250-trick\r\n250 AUTH PLAIN\r\n')])
    with near(where, trick.port) as sender:
        sender.ready()
        submit(sender, mail.text('injected'))
        sender.heard('delivery.deferred', 'octets behind the reply to STARTTLS')
    if any(line.startswith((b'MAIL', b'AUTH')) for line in trick.heard):
        raise Trouble(f'it went on: {trick.heard}')


@case('a broken handshake: try goes on without TLS on a new connection, and says so')
def broken(where):
    trick = Trick([EHLO, (b'STARTTLS', b'220 go\r\n'), (b'', b'this is no TLS\r\n')], [EHLO, *MAIL])
    with near(where, trick.port) as sender:
        sender.ready()
        submit(sender, mail.text('broken'))
        sender.heard('tls.failed')
        sender.heard('delivery.done')


def envelope(server, name, mail_more='', rcpt_more='', sender='sender@sender.test', to='alice@example.test'):
    with Dialogue(server.port, 30) as client:
        client.greet()
        client.ask(f'MAIL FROM:<{sender}>{mail_more}', 250)
        client.ask(f'RCPT TO:<{to}>{rcpt_more}', 250)
        client.ask('DATA', 354)
        client.send(mail.text(name) + b'.\r\n')
        client.expect(250)


def has(report, *words):
    for word in words:
        if word.lower() not in report.lower():
            raise Trouble(f'{word!r} is not in the report:\n{report.decode(errors="replace")[:3000]}')


@case('NOTIFY=SUCCESS to a Maildir: delivered, with ENVID and ORCPT')
def success_here(where):
    with servers.Herald(where / 'one', domains='["example.test", "sender.test"]') as server:
        server.ready()
        envelope(server, 'here', ' RET=HDRS ENVID=id+2B7', ' NOTIFY=SUCCESS ORCPT=rfc822;other@example.test')
        has(bounce(server), b'Action: delivered', b'Status: 2.0.0', b'Original-Envelope-Id: id+7',
            b'Original-Recipient: rfc822;other@example.test', b'Return-Path: <>')


@case('NOTIFY=SUCCESS through Postfix: it announces DSN, and it sends the report')
def success_postfix(where):
    with servers.Herald(where / 'back', domains='["sender.test"]') as back:
        back.ready()
        with plain_postfix(where, relayhost=f'[127.0.0.1]:{back.port}') as far, \
                near(where / 'b', far.port) as sender:
            far.ready()
            sender.ready()
            envelope(sender, 'there', ' ENVID=through', ' NOTIFY=SUCCESS')
            report = bounce(back, 30)
            has(report, b'Action: delivered', b'mx.postfix.test', b'Original-Envelope-Id: through')


@case('NOTIFY=SUCCESS to a server without DSN: relayed; NEVER: nothing comes back')
def success_relayed(where):
    plain = (b'EHLO', b'250 trick\r\n')
    trick = Trick([plain, *MAIL], [plain, (b'MAIL', b'250 ok\r\n'), (b'RCPT', b'550 5.1.1 no\r\n')])
    with near(where, trick.port) as sender:
        sender.ready()
        envelope(sender, 'relayed', '', ' NOTIFY=SUCCESS')
        has(bounce(sender), b'Action: relayed')
        process.until(lambda: any(b'QUIT' in line for line in trick.heard), 15, 'no QUIT')
        envelope(sender, 'never', '', ' NOTIFY=NEVER')
        sender.events('delivery.failed')
        process.until(lambda: servers.json_rows(sender.command('queue', 'list', '--json').stdout) == [], 10,
                      'something is left in the queue')
        if len(mail.read(sender.maildir('sender', 'sender.test'))) != 1:
            raise Trouble('a report that nobody wanted')


@case('SMTPUTF8 reaches Postfix, and comes back from a server that has it not')
def utf8(where):
    trick = Trick([(b'EHLO', b'250-trick\r\n250 8BITMIME\r\n')])
    with postfix(where) as far, near(where / 'a', far.port) as sender, near(where / 'b', trick.port) as other:
        for server in (far, sender, other):
            server.ready()
        envelope(sender, 'utf8', ' SMTPUTF8', '', to='älice@example.test')
        mail.arrival(far.maildir(), 'utf8')
        envelope(other, 'back', ' SMTPUTF8', '', to='älice@example.test')
        has(bounce(other), b'Status: 5.6.7', b'message/global-delivery-status', 'utf-8; älice@example.test'.encode())


@case('a server without SMTPUTF8 gets a domain in A-labels, also when it is that of the only recipient')
def a_labels(where):
    trick = Trick([(b'EHLO', b'250-trick\r\n250 8BITMIME\r\n'), *MAIL])
    with near(where, trick.port) as sender:
        sender.ready()
        envelope(sender, 'idn', ' SMTPUTF8', '', to='bob@bücher.test')
        process.until(lambda: b'.\r\n' in trick.heard, 15, f'it does not come: {trick.heard}')
    if b'RCPT TO:<bob@xn--bcher-kva.test>\r\n' not in trick.heard or not b''.join(trick.heard).isascii():
        raise Trouble(f'not in A-labels: {trick.heard}')


@case('Postfix and Exim as servers, Postfix as a client that relays into herald under TLS')
def both_ways(where):
    with servers.Exim(where / 'exim') as exim, near(where / 'a', exim.port) as sender, \
            servers.Herald(where / 'far') as far:
        for server in (exim, sender, far):
            server.ready()
        submit(sender, mail.text('exim'))
        process.until(lambda: exim.queued('-H'), 15, 'nothing comes to Exim')
        with plain_postfix(where, virtual_mailbox_domains='', relayhost=f'[127.0.0.1]:{far.port}',
                             smtp_tls_security_level='encrypt') as client:
            client.ready()
            submit(client, mail.text('in'))
            if b'TLS' not in mail.arrival(far.maildir(), 'in'):
                raise Trouble('Postfix did not use TLS')


@case('herald queue show tells what the sender asked of reports')
def shown(where):
    with near(where, process.free_port()) as sender:
        sender.ready()
        envelope(sender, 'shown', ' RET=HDRS ENVID=id+2B7', ' NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+2Bb@example.test')
        row = process.until(lambda: servers.json_rows(sender.command('queue', 'list', '--json').stdout), 10, 'empty')
        row = row[0] if isinstance(row, list) else row
        rcpt = row['recipients'][0]
        if (row['envid'], row['ret'], rcpt['orcpt'], rcpt['notify']) != (
                'id+7', 'HDRS', 'rfc822;a+b@example.test', 'SUCCESS,DELAY'):
            raise Trouble(f'shown: {row}')
        text = sender.command('queue', 'show', row['id']).stdout
        for words in ('envid       id+7', 'ret         HDRS', 'notify SUCCESS,DELAY', 'orcpt rfc822;a+b@example.test'):
            if words not in text:
                raise Trouble(f'{words!r} is not in:\n{text}')
