# SPDX-License-Identifier: ISC
"""Every dialogue of test/conversation/*.tsv, against one running herald: in one write, and octet by octet.

A line is a case, in columns that tabs part: the listener (with a ! behind it: in one write only), the section of the
RFC or the CVE, what is true, and then a step in each column, `SENT => EXPECTED`. What is sent ends with CRLF unless
\\c stands at its end; \\r \\n \\t \\0 \\\\ \\xHH are octets, \\{N*TEXT} is TEXT N times. Expected are replies, parted
by commas: a code (dots stand for any digit; N* in front: N of them), an enhanced code behind it, a regular expression
between slashes that the reply must match; `end` is the end of the connection, `-` no reply. `A or B` means either. A
line that begins with @ names steps, for use as a step itself; one that begins with # is a note. The banner stands
before each case and QUIT behind it, unless it ends by itself. The step !tls waits for what is owed and shakes hands.

Every reply of every case must have the form that SMTP gives to replies (check_form).
"""
import concurrent.futures
import pathlib
import re
import socket
import ssl

import auth
from lab import process, servers
from lab.cases import Shared, case
from lab.process import Trouble

TABLES = pathlib.Path(__file__).resolve().parent.parent / 'conversation'
STRANGER, OWN, FILTER = '127.0.5.1', '127.0.5.2', '127.0.5.3'
LISTENERS = {'mx': ('mx', STRANGER), 'own': ('mx', OWN), 'filter': ('mx', FILTER), 'lmtp': ('lmtp', STRANGER),
             'submission': ('submission', STRANGER), 'submission-filter': ('submission', FILTER)}
OCTETS = re.compile(r'\\(?:x([0-9a-fA-F]{2})|\{(\d+)\*(.*?)\}|([rnt0c\\]))')
SIMPLE = {'r': '\r', 'n': '\n', 't': '\t', '0': '\0', '\\': '\\', 'c': ''}
LINE = re.compile(rb'([2-5][0-5][0-9])([ -]?)(.*)')
ENHANCED = re.compile(rb'([245])\.([0-9]{1,3})\.([0-9]{1,3})(?: |$)')
ECHO_BYTES = 67  # 64 and three dots
SECONDS = 60


def repeated(want):
    """"3*250" stands for three such replies."""
    times, star, reply = want.rpartition('*')
    return [] if want == '-' else [reply] * int(times) if star and times.isdigit() else [want]


def octets(text):
    """What a SENT column means."""
    def one(found):
        hexadecimal, times, what, letter = found.groups()
        if hexadecimal:
            return chr(int(hexadecimal, 16))
        return octets(what + '\\c').decode('latin-1') * int(times) if times else SIMPLE[letter]
    # Text above 127 is written as UTF-8; \xHH are octets.
    end = '' if text.endswith('\\c') else '\r\n'
    return OCTETS.sub(one, text.encode().decode('latin-1')).encode('latin-1') + end.encode()


class Case:
    """One line of a table."""

    def __init__(self, place, listener, reference, name, steps):
        self.place, self.name, self.wanted = place, name, []
        self.parts, self.owed = [b''], []  # octets parted by handshakes, and how many replies come before each
        self.listener, self.cuts = listener.rstrip('!'), (1 << 20,) if listener.endswith('!') else (1 << 20, 1)
        if self.listener not in LISTENERS or not re.search(r'RFC \d|CVE-\d|X\w+_README', reference):
            raise Trouble(f'{place}: no such listener, or no reference: {listener!r}, {reference!r}')
        for step in steps:
            if step == '!tls':
                self.parts.append(b'')
                self.owed.append(len(self.wanted))
                continue
            sent, arrow, wanted = step.rpartition(' => ')
            if not arrow:
                raise Trouble(f'{place}: a step without =>: {step!r}')
            self.parts[-1] += octets(sent)
            self.wanted += [want for text in wanted.split(',') for want in repeated(text.strip())]
        if self.wanted[-1:] != ['end']:
            self.parts[-1] += b'QUIT\r\n'
            self.wanted += ['221 2.0.0', 'end']
        self.sent = b''.join(self.parts)


def read_tables(name='*'):
    """All cases, and whatever is wrong with their form."""
    macros, cases = {}, []
    for path in sorted(TABLES.glob('*.tsv')):
        for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1):
            columns = [column for column in line.split('\t') if column]
            if not columns or line.startswith('#'):
                continue
            if line.startswith('@'):
                macros[columns[0]] = columns[1:]
            elif path.match(f'{name}.tsv'):
                steps = [step for column in columns[3:] for step in (macros[column] if column[0] == '@' else [column])]
                cases.append(Case(f'{path.name}:{number}', *columns[:3], steps))
    return cases


class Peer:
    """A connection that sends a case's octets and reads replies."""

    def __init__(self, port, source):
        self.socket = socket.create_connection(('127.0.0.1', port), timeout=SECONDS, source_address=(source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.heard = b''

    def send(self, data, piece):
        try:
            for at in range(0, len(data), piece):
                self.socket.sendall(data[at:at + piece])
        except OSError:
            pass  # it closed already, as it may: what it said shows whether it should have

    def everything(self):
        """All octets up to the end of the connection."""
        while self.more():
            pass
        return self.heard

    def more(self):
        """False at the end."""
        try:
            some = self.socket.recv(65536)
        except TimeoutError:
            raise Trouble(f'the connection stays open; so far: {self.heard[-300:]!r}') from None
        except OSError:
            return False
        self.heard += some
        return bool(some)

    def secure(self, owed):
        """Shake hands when so many replies have come."""
        while len(re.findall(rb'^[0-9]{3}(?: .*)?\r\n', self.heard, re.M)) < owed:
            if not self.more():
                raise Trouble(f'the connection ends before TLS: {self.heard[-300:]!r}')
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.socket = context.wrap_socket(self.socket)


def take_replies(heard, sent):
    """Split what was heard into replies; Trouble for whatever is no good reply."""
    replies, lines = [], []
    for raw in heard.split(b'\r\n')[:-1]:
        lines.append(raw)
        if raw[3:4] != b'-':
            replies.append(lines)
            lines = []
    if lines or not heard.endswith(b'\r\n'):
        raise Trouble(f'the last reply is not whole: {heard[-200:]!r}')
    for lines in replies:
        check_form(lines, sent)
    return [b'\n'.join(lines).decode('ascii') for lines in replies]


def check_form(lines, sent):
    """RFC 5321 4.2, 4.5.3.1.5; RFC 2034 4; nothing of the client's is given back raw, or at length."""
    codes, enhanced = set(), set()
    for raw in lines:
        found = LINE.fullmatch(raw)
        if not found or len(raw) > 510 or not all(32 <= octet < 127 for octet in raw):
            raise Trouble(f'not a line of a reply: {raw!r}')
        codes.add(found.group(1))
        status = ENHANCED.match(found.group(3))
        enhanced.add(status.group(0).strip() if status else b'')
        text = found.group(3)
        if any(text[at:at + ECHO_BYTES + 1] in sent for at in range(len(text) - ECHO_BYTES)):
            raise Trouble(f'more than {ECHO_BYTES} octets given back: {raw!r}')
    if len(codes) != 1 or len(enhanced) != 1:
        raise Trouble(f'several codes in one reply: {lines!r}')
    code, status = codes.pop(), enhanced.pop()
    if status and (status[:1] != code[:1] or code[:1] == b'3'):
        raise Trouble(f'an enhanced code of another class: {lines!r}')


def fits(reply, wanted):
    """Is it one of `CODE ENHANCED /PATTERN/` that `or` parts?"""
    for want in wanted.split(' or '):
        words, _, pattern = want.partition('/')
        code, *status = words.split()
        head = code + ''.join('[ -]' + re.escape(word) + '(?: |$)' for word in status)
        if re.match(head, reply) and re.search(pattern.rstrip('/'), reply):
            return True
    return False


def compare(replies, wanted):
    """Trouble unless the replies are those that are wanted."""
    wanted = wanted[:-1] if wanted[-1:] == ['end'] else wanted
    for number, (reply, want) in enumerate(zip(replies, wanted)):
        if not fits(reply, want):
            raise Trouble(f'reply {number}: wanted {want}, got {reply!r}')
        # Only banner, greeting and 3yz come without an enhanced code (RFC 2034 4).
        if not ENHANCED.match(reply[4:].encode()) and reply[0] != '3' and not reply.startswith(('220', '250')):
            raise Trouble(f'reply {number} has no enhanced code: {reply!r}')
    if len(replies) != len(wanted):
        raise Trouble(f'wanted {len(wanted)} replies, got {len(replies)}: {replies[len(wanted) - 1:]!r}')


def play(ports, one, piece):
    """'' when it went as it should, else what did not."""
    role, source = LISTENERS[one.listener]
    peer = Peer(ports[role], source)
    try:
        with peer.socket:
            peer.send(one.parts[0], piece)
            for owed, part in zip(one.owed, one.parts[1:]):
                peer.secure(owed + 1)
                peer.send(part, piece)
            compare(take_replies(peer.everything(), one.sent), ['220', *one.wanted])
    except Trouble as fault:
        return f'{one.place} {one.name} ({"whole" if piece > 1 else "octet by octet"}): {fault}'
    return ''


class Server(servers.Herald):
    """One herald with a listener of each kind."""

    def __init__(self, where):
        self.ports = {role: process.free_port() for role in ('mx', 'lmtp', 'submission')}
        where.mkdir(parents=True, exist_ok=True)
        users = where / 'users'
        users.write_text('bob@example.test\na.b@example.test\ncarol@listed.test\n')
        users.chmod(0o600)
        auth.user('add', users, 'alice@example.test', 'secret')
        listens = '\n'.join(f'listen "{role}" {{ address = "127.0.0.1:{port}"; role = {role}; '
                            f'xclient = ["{FILTER}"]; }}' for role, port in self.ports.items())
        super().__init__(where, port=self.ports['mx'], listen=False, unknown_user='refuse', users=f'"{users}"',
                         domains='["example.test", "second.example.test"]',
                         relay_domains='["relay.test", "listed.test"]',
                         trusted=f'["{OWN}", "127.0.0.1"]', limits='recipients = 100; tarpit_delay = 0s;',
                         extra=f'{listens}\nroute "*" {{ via = hold; }}\n'
                               'auth { backoff_account = 0s; backoff_client = 0s; }\n'
                               'dns { servers = ["127.0.0.1@1"]; timeout = 100ms; }')


def table(_, name):
    cases = read_tables(name)
    ports = Shared.get('conversation', Server).ports
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        plays = [pool.submit(play, ports, one, piece) for one in cases for piece in one.cuts]
        faults = [fault for fault in (played.result() for played in plays) if fault]
    if faults:
        raise Trouble('\n'.join([f'{len(faults)} of {len(plays)} dialogues', *faults]))


@case('at least 400 dialogues, none of them twice')
def enough(_):
    cases = read_tables()
    if len(cases) < 400:
        raise Trouble(f'only {len(cases)}')
    seen = {}
    for one in cases:
        key = (one.listener, one.sent, tuple(one.wanted))
        if key in seen:
            raise Trouble(f'{one.place} is {seen[key]} again')
        seen[key] = one.place


for found in sorted(TABLES.glob('*.tsv')):
    case(found.stem, found.stem)(table)
