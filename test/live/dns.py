#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""A small DNS server for tests: answers from a table over UDP and TCP on loopback.

A zone is {(name, type): answer}. An answer is a list of record data in presentation form - MX '10 mx.example.test',
A '127.0.0.2', TXT 'text', CNAME and PTR names -, or one of the words NXDOMAIN, SERVFAIL, TIMEOUT (no answer at all),
REFUSED and GARBAGE. A name that is not in the table does not exist; a name that is there with another type has no data.

usage: dns.py PORT NAME TYPE DATA [NAME TYPE DATA ...] to try it by hand
"""
import ipaddress
import socket
import socketserver
import struct
import sys
import threading

TYPES = {'A': 1, 'NS': 2, 'CNAME': 5, 'SOA': 6, 'PTR': 12, 'MX': 15, 'TXT': 16, 'AAAA': 28}
CODES = {'SERVFAIL': 2, 'NXDOMAIN': 3, 'REFUSED': 5}
TTL = 1


def wire_name(name):
    labels = [label for label in name.rstrip('.').split('.') if label]
    return b''.join(bytes([len(label)]) + label.encode('ascii') for label in labels) + b'\0'


def wire_data(kind, text):
    if kind in ('A', 'AAAA'):
        return ipaddress.ip_address(text).packed
    if kind == 'MX':
        preference, _, host = text.partition(' ')
        return struct.pack('!H', int(preference)) + wire_name(host)
    if kind == 'TXT':
        octets = text.encode()
        return b''.join(bytes([len(octets[i:i + 255])]) + octets[i:i + 255] for i in range(0, max(len(octets), 1), 255))
    return wire_name(text)


def record(name, kind, data):
    return wire_name(name) + struct.pack('!HHIH', TYPES[kind], 1, TTL, len(data)) + data


def soa(name):
    """The record that goes with "there is none"; every top-level domain is a zone."""
    zone = name.rpartition('.')[2]
    data = wire_name('ns.' + zone) + wire_name('admin.' + zone) + struct.pack('!IIIII', 1, 60, 60, 60, TTL)
    return record(zone, 'SOA', data)


def read_question(query):
    """(name, type as text, the question's octets)."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode('ascii', 'replace'))
        at += 1 + query[at]
    kind = struct.unpack('!H', query[at + 1:at + 3])[0]
    names = {number: name for name, number in TYPES.items()}
    return '.'.join(labels).lower(), names.get(kind, str(kind)), query[12:at + 5]


class Server:
    """Serves while in a `with` block; `asked` lists the questions that came."""

    def __init__(self, zone, port=0):
        self.zone, self.asked = {}, []
        self.set(zone)
        socketserver.ThreadingTCPServer.allow_reuse_address = True
        for tries in range(20):  # a resolver may ask somebody from the same port, whose number it draws by lot
            self.tcp = socketserver.ThreadingTCPServer(('127.0.0.1', port), self._handler(self._over_tcp))
            self.port = self.tcp.server_address[1]
            try:
                self.udp = socketserver.ThreadingUDPServer(('127.0.0.1', self.port), self._handler(self._over_udp))
                break
            except OSError:
                self.tcp.server_close()
                if port or tries == 19:
                    raise
        for server in (self.udp, self.tcp):
            server.daemon_threads = True

    def set(self, zone):
        self.zone = {(name.lower().rstrip('.'), kind): answer for (name, kind), answer in zone.items()}

    def __enter__(self):
        for server in (self.udp, self.tcp):
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        for server in (self.udp, self.tcp):
            server.shutdown()
            server.server_close()

    @staticmethod
    def _handler(serve):
        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                serve(self.request, self.client_address)
        return Handler

    def _over_udp(self, request, client):
        query, sock = request
        answer = self.answer(query)
        if answer is not None:
            sock.sendto(answer, client)

    def _over_tcp(self, sock, _client):
        sock.settimeout(10)
        try:
            while True:
                length = sock.recv(2, socket.MSG_WAITALL)
                if len(length) < 2:
                    return
                answer = self.answer(sock.recv(struct.unpack('!H', length)[0], socket.MSG_WAITALL))
                if answer is not None:
                    sock.sendall(struct.pack('!H', len(answer)) + answer)
        except OSError:
            return

    def look(self, name, kind):
        """(answer, the name's CNAME records on the way)."""
        way = []
        for _ in range(9):
            if (name, kind) in self.zone:
                return name, self.zone[name, kind], way
            target = self.zone.get((name, 'CNAME'))
            if not isinstance(target, list):
                break
            way.append(record(name, 'CNAME', wire_data('CNAME', target[0])))
            name = target[0].lower().rstrip('.')
        known = any(name == have or have.endswith('.' + name) for have, _ in self.zone)
        return name, [] if known else 'NXDOMAIN', way

    def answer(self, query):
        if len(query) < 17:
            return None
        name, kind, question = read_question(query)
        self.asked.append((name, kind))
        name, answer, records = self.look(name, kind)
        if answer == 'TIMEOUT':
            return None
        if answer == 'GARBAGE':
            return query[:2] + b'\x84\x00\x00\x01\x00\x09' + b'\xc0' * 40
        code = CODES.get(answer, 0) if isinstance(answer, str) else 0
        if isinstance(answer, list):
            records = records + [record(name, kind, wire_data(kind, text)) for text in answer]
        authority = [] if records or code in (2, 5) else [soa(name)]
        flags = 0x8580 if code not in (2, 5) else 0x8180
        head = query[:2] + struct.pack('!HHHHH', flags | code, 1, len(records), len(authority), 0)
        return head + question + b''.join(records) + b''.join(authority)


def main():
    words = sys.argv[2:]
    zone = {}
    for name, kind, data in zip(words[::3], words[1::3], words[2::3]):
        if data in CODES or data in ('TIMEOUT', 'GARBAGE'):
            zone[name, kind] = data
        else:
            zone.setdefault((name, kind), []).append(data)
    with Server(zone, int(sys.argv[1])) as server:
        print(f'listening on 127.0.0.1:{server.port}', flush=True)
        threading.Event().wait()


if __name__ == '__main__':
    main()
