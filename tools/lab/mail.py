# SPDX-License-Identifier: ISC
"""Mail that is easily compared, and the Maildirs that it arrives in."""
import os
import re
import time

from .process import PATIENCE, Trouble, until

HEADER = ('From: Sender <sender@client.example>\r\nTo: alice@example.test\r\nSubject: {name}\r\n'
          'Date: Sat, 01 Jan 2028 00:00:00 +0000\r\nMessage-ID: <{name}@client.example>\r\n'
          'X-Test-Id: {name}\r\nMIME-Version: 1.0\r\n{more}\r\n')
PLAIN = 'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {}\r\n'
FIELD = re.compile(rb'[!-9;-~]+:')


def make(name, body, more=PLAIN.format('7bit')):
    """A message as it travels: CRLF line ends."""
    return HEADER.format(name=name, more=more).encode('ascii') + body


def text(name):
    return make(name, b'Hello,\r\n\r\nthis is a message.\r\n\r\n-- \r\nThe sender\r\n')


def eight_bit(name):
    return make(name, 'Grüße aus Zürich, 雪が降る, and €5.\r\n'.encode('utf-8') * 20, PLAIN.format('8bit'))


def dots(name):
    return make(name, b'.\r\n..\r\n...\r\n.hidden\r\n..hidden twice\r\n \r\n. \r\nmiddle . dot\r\nlast line\r\n')


def attachment(name, octets=5 * 1024 * 1024):
    line = b'QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0NTY3\r\n'
    more = 'Content-Type: application/octet-stream; name="big.bin"\r\nContent-Transfer-Encoding: base64\r\n'
    return make(name, line * (octets // len(line)), more)


def as_file(message):
    """The form that a Maildir holds: LF line ends."""
    return message.replace(b'\r\n', b'\n')


def files(maildir):
    """Paths of the messages in a Maildir."""
    for part in ('new', 'cur'):
        try:
            with os.scandir(maildir / part) as entries:
                for entry in entries:
                    yield entry.path
        except FileNotFoundError:
            pass


def read(maildir):
    found = []
    for path in files(maildir):
        with open(path, 'rb') as file:
            found.append(file.read())
    return found


def field(message, name):
    """The first value of a header field, unfolded; None when it is not there."""
    header = message.replace(b'\r\n', b'\n').partition(b'\n\n')[0]
    unfolded = re.sub(rb'\n[ \t]+', b' ', header)
    found = re.search(rb'^' + re.escape(name.encode()) + rb':[ \t]*(.*)$', unfolded, re.M | re.I)
    return found.group(1).decode('utf-8', 'replace').strip() if found else None


def ids(maildir, name='X-Load-Id'):
    """The value of this field for every message of a Maildir."""
    wanted, found = name.encode() + b': ', []
    for path in files(maildir):
        with open(path, 'rb') as file:
            head = file.read(4096)
        at = head.find(b'\n' + wanted)
        if at >= 0:
            found.append(head[at + 1 + len(wanted):head.index(b'\n', at + 1)].decode().strip())
    return found


def arrival(maildir, name, seconds=15.0):
    """Wait for the message with this X-Test-Id and return its octets."""
    def look():
        return [message for message in read(maildir) if field(message, 'X-Test-Id') == name]
    return until(look, seconds, f'message {name} does not arrive in {maildir}')[0]


def same(stored, sent):
    """Trouble unless `stored` is header fields of the server's, then `sent` octet for octet with LF line ends."""
    wanted = as_file(sent)
    if not stored.endswith(wanted):
        at = next((i for i, (a, b) in enumerate(zip(stored[-len(wanted):], wanted)) if a != b), 0)
        raise Trouble(f'the message was changed: {len(stored)} octets stored, {len(wanted)} sent, around '
                      f'{stored[-len(wanted):][max(at - 40, 0):at + 40]!r} wanted {wanted[max(at - 40, 0):at + 40]!r}')
    for line in stored[:len(stored) - len(wanted)].splitlines():
        if not (FIELD.match(line) or line[:1] in b' \t' and line.strip()):
            raise Trouble(f'not a header field before the message: {line!r}')
    added = stored[:len(stored) - len(wanted)]
    for name in (b'Return-Path:', b'Received:'):
        if name not in added:
            raise Trouble(f'no {name.decode()} field was added')


def all_arrived(maildir, wanted, seconds, once=True):
    """Wait until every id is in the Maildir. Trouble when one is missing, or comes twice and `once`. Returns how many
    ids came twice."""
    wanted, missing, end, have = set(wanted), set(), time.monotonic() + max(seconds, 2 * PATIENCE), []
    while time.monotonic() < end:
        count = sum(1 for _ in files(maildir))
        if count >= len(wanted):
            have = ids(maildir)
            missing = wanted - set(have)
            if not missing:
                break
        time.sleep(0.1)
    have = ids(maildir)
    missing = wanted - set(have)
    if missing:
        raise Trouble(f'{len(missing)} of {len(wanted)} acknowledged messages did not arrive: {sorted(missing)[:5]}')
    twice = len(have) - len(set(have))
    if twice and once:
        raise Trouble(f'{twice} messages arrived twice')
    return twice
