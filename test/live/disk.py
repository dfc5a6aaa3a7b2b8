# SPDX-License-Identifier: ISC
"""A full disk: 452, nothing lost, and it recovers by itself."""
import json
import os
import subprocess

from lab import mail, process, servers
from lab.cases import case
from lab.dialogue import Dialogue
from lab.process import Skip, Trouble


class SmallDisk:
    """A tmpfs of so many megabytes."""

    def __init__(self, where, megabytes):
        self.where, self.megabytes = where, megabytes

    def mount(self, option):
        done = subprocess.run(['mount', '-t', 'tmpfs', '-o', f'{option}size={self.megabytes}m', 'tmpfs', self.where],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Skip(f'no tmpfs can be mounted here: {done.stderr.strip()}')

    def __enter__(self):
        if os.geteuid() != 0:
            raise Skip('mounting needs root')
        self.where.mkdir(parents=True, exist_ok=True)
        self.mount('')
        return self

    def grow(self, megabytes):
        self.megabytes = megabytes
        self.mount('remount,')

    def __exit__(self, *_):
        subprocess.run(['umount', '-l', self.where], check=False)


def fill(where, extra, size):
    with SmallDisk(where / 'data', 12) as small, servers.Herald(where, extra=extra) as server:
        server.ready()
        words = process.load_words(server.port, c=10, m=300, s=size, i=where / 'ids', t='alice@example.test')
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
        counted = json.loads(done.stdout)
        if not counted['refused'] or not counted['refusal'].startswith('452'):
            raise Trouble(f'a full disk was answered with {counted}')
        if not server.alive():
            raise Trouble('herald ended')
        with Dialogue(server.port) as client:
            client.greet()  # it still talks
        small.grow(400)

        def accepts_again():
            try:
                with Dialogue(server.port) as client:
                    client.greet()
                    client.message(mail.text('again'), 250)
                return True
            except (Trouble, OSError):
                return False
        process.until(accepts_again, 30, 'it does not accept mail again')
        try:
            server.command('queue', 'retry')
        except Trouble:
            pass  # what waits is tried by itself, only later
        mail.all_arrived(server.maildir(), (where / 'ids').read_text().split(), 60)


case('the disk is full of messages of 10 KB', 'queue { min_free = 0; retry = [1s]; }', 10240)(fill)
case('the disk is full of messages of 200 KB', 'queue { min_free = 0; retry = [1s]; }', 204800)(fill)
case('less than min_free is free', 'queue { min_free = 4M; retry = [1s]; }', 10240)(fill)
