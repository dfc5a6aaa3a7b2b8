# SPDX-License-Identifier: ISC
"""A client that says exactly what it is told, for dialogues that no mail program would have."""
import select
import socket

from .process import PATIENCE, Trouble


class Dialogue:
    """An open session; `with Dialogue(port) as d: d.expect(220); d.ask('EHLO x', 250)`."""

    def __init__(self, port, seconds=10.0, source=''):
        self.peer = socket.create_connection(('127.0.0.1', port), timeout=max(seconds, PATIENCE),
                                             source_address=(source, 0))
        self.peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lines = self.peer.makefile('rb')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lines.close()
        self.peer.close()

    def send(self, octets):
        self.peer.sendall(octets if isinstance(octets, bytes) else octets.encode())

    def reply(self):
        """One whole reply as text without its last line end; '' at the end of the connection."""
        text = ''
        while True:
            try:
                line = self.lines.readline().decode('latin-1')
            except (ConnectionError, TimeoutError) as fault:
                if isinstance(fault, TimeoutError):
                    raise Trouble(f'no reply in time; so far: {text!r}') from None
                return text.rstrip()
            text += line
            if not line or line[3:4] != '-':
                return text.rstrip()

    def expect(self, *codes):
        """The next reply, which must have one of these codes ('' is the end of the connection)."""
        text = self.reply()
        if text[:3] not in {str(code) for code in codes}:
            raise Trouble(f'wanted {" or ".join(map(str, codes)) or "the end"}, got {text!r}')
        return text

    def ask(self, line, *codes):
        self.send(line.encode() + b'\r\n' if isinstance(line, str) else line + b'\r\n')
        try:
            return self.expect(*codes)
        except Trouble as fault:
            raise Trouble(f'{line[:60]!r}: {fault}') from None

    def greet(self):
        self.expect(220)
        return self.ask('EHLO cli.test', 250)

    def envelope(self, sender='sender@client.example', *recipients):
        self.ask(f'MAIL FROM:<{sender}>', 250)
        for recipient in recipients or ('alice@example.test',):
            self.ask(f'RCPT TO:<{recipient}>', 250)

    def message(self, octets, *codes, sender='sender@client.example', recipients=()):
        """A whole transaction; `octets` are sent as they are, before the final dot."""
        self.envelope(sender, *recipients)
        self.ask('DATA', 354)
        self.send(octets)
        self.send(b'.\r\n')
        return self.expect(*codes or (250,))

    def waits(self, seconds):
        """True when the server says something within this time."""
        return bool(select.select([self.peer], [], [], seconds)[0])

    def ended(self):
        """True when the server has closed, whatever it still said."""
        try:
            return self.lines.read() is not None
        except ConnectionError:
            return True
        except TimeoutError:
            return False
