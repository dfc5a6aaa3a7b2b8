#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""A smarthost that is not on this machine, in a world where every address is local: to whom passwords are shown."""
import pathlib
import socket
import ssl
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent / 'tools'), str(HERE)]
from lab import abroad, certificates, mail, servers
from lab.cases import case
from lab.process import Trouble
from relay import submit

ADDRESS = '203.0.113.77'
PLAIN = b'AUTH PLAIN AGFwcABzM2NyZXQ='  # app, s3cret


class Smarthost(threading.Thread):
    """Implicit TLS and AUTH; takes anything. `heard` has all lines."""

    def __init__(self, certificate, offer):
        super().__init__(daemon=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*certificate)
        self.listener = socket.create_server((ADDRESS, 0))
        self.port, self.offer, self.heard = self.listener.getsockname()[1], offer, []
        self.start()

    def run(self):
        while True:
            peer, _ = self.listener.accept()
            try:
                with self.context.wrap_socket(peer, server_side=True) as tls, tls.makefile('rb') as lines:
                    self.talk(tls, lines)
            except OSError:
                pass

    def talk(self, tls, lines):
        answers = {b'EHLO': b'250-far\r\n250 ' + self.offer + b'\r\n', b'AUTH': b'235 ok\r\n', b'DATA': b'354 go\r\n',
                   b'QUIT': b'221 bye\r\n'}
        tls.sendall(b'220 far ESMTP\r\n')
        for line in lines:
            self.heard.append(line.rstrip())
            tls.sendall(answers.get(line[:4].upper(), b'250 ok\r\n'))
            if line[:4].upper() == b'DATA':
                while (line := lines.readline()) not in (b'.\r\n', b''):
                    pass
                tls.sendall(b'250 ok\r\n')


def certificate_of(where):
    """Of the address of the smarthost, signed by itself: paths of the certificate and its key."""
    certificate, key = where / 'far.pem', where / 'far.key'
    certificates.openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-days', '2',
                         '-subj', '/CN=far', '-addext', f'subjectAltName=IP:{ADDRESS}', '-keyout', key,
                         '-out', certificate)
    return certificate, key


def logs_in(where, known, wanted):
    """Send by a smarthost whose certificate is known or not; the log must show `wanted` (an event)."""
    certificate = certificate_of(where)
    secret = where / 'secret'
    secret.write_text('s3cret\n')
    secret.chmod(0o600)
    far = Smarthost(certificate, b'AUTH PLAIN LOGIN')
    ca_file = f'ca_file = "{certificate[0]}";' if known else ''
    extra = (f'dns {{ timeout = 1s; }} route "*" {{ via = "smtps://{ADDRESS}:{far.port}"; user = "app"; '
             f'password_file = "{secret}"; {ca_file} }}')
    with servers.Herald(where / 'near', extra=extra, domains='["sender.test"]') as near:
        near.ready()
        submit(near, mail.text('hello'))
        near.events(wanted)
        if (PLAIN in far.heard) != (wanted == 'delivery.done'):
            raise Trouble(f'the smarthost heard {far.heard}')
        if wanted != 'delivery.done':
            near.heard('no password is shown to a stranger')


def in_its_world(where, known):
    where.mkdir(parents=True, exist_ok=True)
    done = abroad.call([__file__, known, where], capture_output=True, text=True)
    if done.returncode != 0:
        raise Trouble((done.stdout + done.stderr)[-1500:])


@case('a password is shown to a smarthost whose certificate verifies')
def friend(where):
    in_its_world(where, 'known')


@case('a password is not shown to a smarthost whose certificate does not verify')
def stranger(where):
    in_its_world(where, 'unknown')


if __name__ == '__main__':
    if not abroad.inside():
        sys.exit('strangers.py is run by test/live/run')
    KNOWN = sys.argv[1] == 'known'
    logs_in(pathlib.Path(sys.argv[2]), KNOWN, 'delivery.done' if KNOWN else 'delivery.deferred')
