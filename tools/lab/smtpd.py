# SPDX-License-Identifier: ISC
"""A scripted SMTP server: answers as told, keeps what it gets."""
import socket
import socketserver
import threading

ANSWERS = {'banner': '220 far.example ESMTP', 'EHLO': '250-far.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE',
           'HELO': '250 far.example', 'MAIL': '250 2.1.0 fine', 'RCPT': '250 2.1.5 fine', 'DATA': '354 go on',
           'dot': '250 2.0.0 taken', 'RSET': '250 2.0.0 fine', 'NOOP': '250 2.0.0 fine', 'QUIT': '221 2.0.0 bye'}


class Server:
    """Serves while in a `with` block.

    answers  {verb, 'banner' or 'dot': reply}; a list is used up from its beginning, its last stays. The reply CLOSE
             ends the connection, SILENCE says nothing at all. {'RCPT user@host': reply} is for one recipient.
    messages list of (sender, recipients, octets as they travelled without dot-stuffing)
    commands every command line that came
    """
    CLOSE, SILENCE = 'CLOSE', 'SILENCE'

    def __init__(self, answers=None, address='127.0.0.1', port=0):
        self.answers = {**ANSWERS, **(answers or {})}
        self.messages, self.commands, self.sessions = [], [], 0
        self.lock = threading.Lock()
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                outer.serve(self.rfile, self.connection)

        class Threads(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True
            request_queue_size = 100

        self.server = Threads((address, port), Handler)
        self.port = self.server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def reply(self, what):
        with self.lock:
            told = self.answers.get(what, '500 5.5.1 what?')
            if isinstance(told, list):
                told = told.pop(0) if len(told) > 1 else told[0]
        return told

    def say(self, peer, what):
        """Send the reply; False when the session is over."""
        told = self.reply(what)
        if told == self.CLOSE:
            peer.shutdown(socket.SHUT_RDWR)
            return False
        if told != self.SILENCE:
            peer.sendall(told.encode() + b'\r\n')
        return not told.startswith('221') and not told.startswith('421')

    def serve(self, lines, peer):
        self.sessions += 1
        sender, recipients = '', []
        try:
            if not self.say(peer, 'banner'):
                return
            for line in lines:
                command = line.rstrip(b'\r\n').decode('utf-8', 'replace')
                self.commands.append(command)
                verb, _, rest = command.partition(' ')
                verb = verb.upper()
                address = rest.partition('<')[2].partition('>')[0]
                if verb == 'MAIL':
                    sender, recipients = address, []
                if verb == 'RCPT' and f'RCPT {address}' in self.answers:
                    verb = f'RCPT {address}'
                if verb == 'DATA' and self.reply('DATA').startswith('354'):
                    if not self.take(lines, peer, sender, recipients):
                        return
                    continue
                if verb == 'RCPT':
                    recipients.append(address)
                if not self.say(peer, verb):
                    return
        except OSError:
            return

    def take(self, lines, peer, sender, recipients):
        peer.sendall(b'354 go on\r\n')
        message = []
        for line in lines:
            if line == b'.\r\n':
                if self.answers['dot'] != self.CLOSE:
                    with self.lock:
                        self.messages.append((sender, list(recipients), b''.join(message)))
                return self.say(peer, 'dot')
            message.append(line[1:] if line.startswith(b'.') else line)
        return False
