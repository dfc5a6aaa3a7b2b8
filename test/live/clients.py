# SPDX-License-Identifier: ISC
"""Mail programs and libraries that people use send to herald; what arrives is compared octet for octet."""
import fcntl
import functools
import os
import shutil
import smtplib
import subprocess

from lab import mail, process, servers
from lab.cases import Shared, case
from lab.process import Skip, Trouble

SENDER = 'sender@client.example'
NODEMAILER = '''
const mailer = require("nodemailer"), fs = require("fs"), [port, from, to, file] = process.argv.slice(1);
mailer.createTransport({host: "127.0.0.1", port, secure: false, name: "cli.test", tls: {rejectUnauthorized: false}})
  .sendMail({envelope: {from, to: to.split(",")}, raw: fs.readFileSync(file)})
  .then(done => process.exit(done.rejected.length), fault => { console.error(fault); process.exit(1); });
'''


def program(name):
    if shutil.which(name) is None:
        raise Skip(f'{name} is not here')
    return name


def run(words, **more):
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=300, check=False, **more)
    if done.returncode != 0:
        raise Trouble(f'{words[0]} ended with {done.returncode}: {done.stdout.decode(errors="replace")[-1500:]}')


def swaks_with(port, to, path, *more):
    data = path.with_suffix('.swaks')
    data.write_bytes(path.read_bytes()[:-1])  # swaks adds a line end of its own
    run([program('swaks'), '--server', f'127.0.0.1:{port}', '--from', SENDER, '--to', ','.join(to),
         '--helo', 'cli.test', '--data', f'@{data}', '--hide-all', *more])


def swaks(port, to, path):
    swaks_with(port, to, path)


def swaks_pipelined(port, to, path):
    swaks_with(port, to, path, '--pipeline')


def smtplib_(port, to, path):
    with smtplib.SMTP('127.0.0.1', port, local_hostname='cli.test', timeout=60) as client:
        options = ['BODY=8BITMIME'] if client.ehlo()[0] == 250 and client.has_extn('8bitmime') else []
        refused = client.sendmail(SENDER, to, path.read_bytes(), options)
        if refused:
            raise Trouble(f'refused: {refused}')


def msmtp(port, to, path):
    with open(path, 'rb') as message:
        run([program('msmtp'), '--host=127.0.0.1', f'--port={port}', '--domain=cli.test', f'--from={SENDER}', *to],
            stdin=message, env={**os.environ, 'HOME': '/nonexistent'})


def curl(port, to, path):
    words = [program('curl'), '-sS', '--mail-from', SENDER]
    for recipient in to:
        words += ['--mail-rcpt', recipient]
    run(words + ['-T', path, f'smtp://127.0.0.1:{port}/cli.test'])


@functools.lru_cache
def nodemailer_folder():
    """Where Nodemailer is; fetched once, and None when it cannot be had."""
    where = process.ROOT / 'build/node'
    there = where / 'node_modules/nodemailer'
    where.mkdir(parents=True, exist_ok=True)
    with open(where.parent / 'node.lock', 'w', encoding='ascii') as lock:  # modules run side by side
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not there.exists():
            words = ['npm', 'install', '--silent', '--no-audit', '--no-fund', '--prefix', str(where), 'nodemailer@7']
            subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return where if there.exists() else None


def nodemailer(port, to, path):
    program('npm')
    where = nodemailer_folder()
    if where is None:
        raise Skip('npm cannot get nodemailer')
    run([program('node'), '-e', NODEMAILER, '--', port, SENDER, ','.join(to), path], cwd=where)


# msmtp and swaks read text with LF line ends, the others what goes over the wire.
CLIENTS = {'swaks': (swaks, True), 'swaks, pipelined': (swaks_pipelined, True), 'Python smtplib': (smtplib_, False),
           'msmtp': (msmtp, True), 'curl': (curl, False), 'Nodemailer': (nodemailer, False)}
MAILS = {'text': mail.text, '8-bit': mail.eight_bit, 'dots at line starts': mail.dots,
         'a 5 MB attachment': mail.attachment}


def server():
    return Shared.get('clients', servers.Herald)


def send(where, client, kind, to):
    function, as_text = CLIENTS[client]
    name = f'{client}-{kind}'.replace(' ', '-').replace(',', '')
    message = MAILS[kind](name)
    path = where / 'message.eml'
    path.write_bytes(mail.as_file(message) if as_text else message)
    function(server().port, to, path)
    return name, message


def one(where, client, kind):
    name, message = send(where, client, kind, ['alice@example.test'])
    mail.same(mail.arrival(server().maildir(), name), message)


def many(where, client):
    users = [f'{client.split()[0].lower()}{number}' for number in range(500)]
    name, message = send(where, client, 'text', [f'{user}@example.test' for user in users])
    for user in users:
        mail.same(mail.arrival(server().maildir(user), name), message)


for CLIENT in CLIENTS:
    for KIND in MAILS:
        case(f'{CLIENT} sends {KIND}', CLIENT, KIND)(one)
    if 'pipelined' not in CLIENT:
        case(f'{CLIENT} sends to 500 recipients', CLIENT)(many)
