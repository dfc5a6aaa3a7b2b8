# SPDX-License-Identifier: ISC
"""A route to a smarthost: logging in there, and the files with its password and authorities."""
import os
import subprocess

import auth
from lab import mail, process, servers
from lab.cases import case
from lab.dialogue import Dialogue
from lab.process import Trouble
from outbound import MAIL, Trick, certificate, near
from relay import submit
from tls import known_to_alone

NO_SCRAM = 'dave@example.test:$6$saltsalt$x\n'  # a user for whom SCRAM has no form


def secret_file(where, text='s3cret\n', mode=0o600):
    where.mkdir(parents=True, exist_ok=True)
    secret = where / 'secret'
    secret.write_text(text)
    secret.chmod(mode)
    return secret


@case('AUTH at a smarthost: LOGIN and PLAIN on this machine, and a refusal that waits')
def login(where):
    more = f'user = "app"; password_file = "{secret_file(where)}";'
    for name, offer, answers in (
            ('plain', b'AUTH PLAIN LOGIN', [(b'AUTH PLAIN AGFwcABzM2NyZXQ=', b'235 ok\r\n'), *MAIL]),
            ('login', b'AUTH LOGIN', [(b'AUTH LOGIN', b'334 VXNlcm5hbWU6\r\n'), (b'YXBw', b'334 UGFzc3dvcmQ6\r\n'),
                                      (b'czNjcmV0', b'235 ok\r\n'), *MAIL]),
            ('refused', b'AUTH PLAIN', [(b'AUTH PLAIN AGFwcABzM2NyZXQ=', b'535 5.7.8 no\r\n')])):
        trick = Trick([(b'EHLO', b'250-trick\r\n250 ' + offer + b'\r\n'), *answers])
        with near(where / name, trick.port, more) as sender:
            sender.ready()
            submit(sender, mail.text(name))
            sender.heard('delivery.deferred' if name == 'refused' else 'delivery.done')
        for verb, _ in answers:
            if verb.startswith((b'AUTH', b'YX', b'cz')) and verb + b'\r\n' not in trick.heard:
                raise Trouble(f'{verb} was not said: {trick.heard}')


@case('the password of a smarthost is in the memory of relay and of no other child')
def password_wiped(where):
    if os.geteuid() != 0:
        raise process.Skip('only root can look into other processes')
    word = 'Xq7-only-for-the-smarthost'
    more = f'user = "app"; password_file = "{secret_file(where, word)}";'
    with near(where, process.free_port(), more) as sender:
        sender.ready()
        known_to_alone(sender, 'relay', word.encode())


@case('a password file', 'readable by its group', '0640', 's3cret', 'chmod 0600')
@case('a password file', 'that is empty', '0600', '', 'is no password')
@case('a password file', 'whose first line is empty', '0600', '\ns3cret', 'is no password')
@case('a password file', 'that is too long', '0600', 'x' * 256, 'is no password')
@case('a file of authorities', 'without any', '0600', 'nonsense', 'no certificate')
def bad_file(where, _kind, mode, text, word):
    spoilt = secret_file(where, text, int(mode, 8))
    more = f'ca_file = "{spoilt}";' if text == 'nonsense' else f'user = "app"; password_file = "{spoilt}";'
    server = near(where, process.free_port(), more)
    for words in (server.words, [servers.herald_path(), 'config', 'check', server.conf]):
        done = subprocess.run([str(part) for part in words], capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 78 or word not in done.stderr or str(spoilt) not in done.stderr:
            raise Trouble(f'{words[1]}: exit code {done.returncode}, said {done.stderr!r}')


@case('a password file that went bad before a reload: the old configuration stays')
def bad_reload(where):
    secret = secret_file(where)
    trick = Trick([(b'EHLO', b'250-trick\r\n250 AUTH PLAIN\r\n'),
                   (b'AUTH PLAIN AGFwcABzM2NyZXQ=', b'235 ok\r\n'), *MAIL])
    with near(where, trick.port, f'user = "app"; password_file = "{secret}";') as sender:
        sender.ready()
        secret.chmod(0o644)
        sender.reload()
        sender.heard('config.bad', 'chmod 0600')
        submit(sender, mail.text('still'))
        sender.heard('delivery.done')


class Submission(auth.Server):
    """herald as a smarthost: submission by STARTTLS and implicit TLS; its certificate names this machine."""

    def __init__(self, where, **more):
        self.implicit = process.free_port()
        key, self.certificate = certificate(where / 'tls')
        key.chmod(0o600)
        extra = (f'tls {{ certificate = "{self.certificate}"; key = "{key}"; }}\nlisten "submissions" {{ '
                 f'address = "127.0.0.1:{self.implicit}"; role = submission; tls = implicit; }}\n')
        super().__init__(where, extra=extra, domains='["example.test"]', **more)

    def client(self, where, scheme, secret=auth.SECRET):
        """herald that hands all over to this one."""
        port = self.implicit if scheme == 'smtps' else self.submission
        more = (f'tls = require; ca_file = "{self.certificate}"; user = "{auth.ALICE}"; '
                f'password_file = "{secret_file(where, secret)}";')
        return near(where, port, more, scheme)


def hand(server, name):
    with Dialogue(server.port, 30) as client:
        client.greet()
        auth.submit(client, auth.message(name), 250)


@case('a smarthost under STARTTLS', 'smtp', '', 'SCRAM-SHA-256')
@case('a smarthost under TLS from the first octet', 'smtps', '', 'SCRAM-SHA-256')
@case('a smarthost under STARTTLS that has no SCRAM', 'smtp', NO_SCRAM, 'PLAIN')
@case('a smarthost under TLS from the first octet that has no SCRAM', 'smtps', NO_SCRAM, 'PLAIN')
def smarthost(where, scheme, users, mechanism):
    with Submission(where / 'far', users=users) as far, far.client(where, scheme) as sender:
        far.ready()
        sender.ready()
        for name in ('first', 'second'):
            hand(sender, name)
            mail.arrival(far.maildir('bob'), name)
        ways = {row['mechanism'] for row in far.final_events('auth.ok')}
        if ways != {mechanism}:
            raise Trouble(f'logged in by {ways}')


@case('a wrong password at a smarthost: the mail waits, and it says why')
def wrong_password(where):
    for users in ('', NO_SCRAM):
        place = where / ('plain' if users else 'scram')
        with Submission(place / 'far', users=users) as far, far.client(place, 'smtp', 'not the password') as sender:
            far.ready()
            sender.ready()
            hand(sender, 'wrong')
            line = sender.heard('delivery.deferred')
            if 'auth: refused' not in line:
                raise Trouble(f'not said clearly: {line}')
            if mail.read(far.maildir('bob')):
                raise Trouble('it came through')
