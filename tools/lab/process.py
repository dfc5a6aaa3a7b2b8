# SPDX-License-Identifier: ISC
"""Start, watch, stop and measure processes."""
import ctypes
import errno
import fcntl
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TICKS = os.sysconf('SC_CLK_TCK')
PORTS = 12000
PATIENCE = 60  # seconds: what is right comes at once, except on a machine that is busy with other things


class Trouble(Exception):
    """Something in the laboratory itself did not work; the text says what."""


class Skip(Exception):
    """This cannot be tried on this machine; the text says why."""


def _end_with_parent():
    """In a child: get SIGTERM when the laboratory ends, however it ends (PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def end_on_sigterm():
    """Let SIGTERM end the laboratory through its finally clauses."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def build_dir():
    return ROOT / os.environ.get('HERALD_BUILD', 'build')


def folder(name):
    """A new empty folder under build/lab that every user may enter (foreign servers drop their user)."""
    base = ROOT / 'build/lab'
    base.mkdir(parents=True, exist_ok=True)
    made = pathlib.Path(tempfile.mkdtemp(prefix=name + '-', dir=base))
    made.chmod(0o755)
    return made


def remove(path):
    shutil.rmtree(path, ignore_errors=True)


def free_port():
    """A port that nobody else is given for a long while: the next of a counter that all on this machine share. Those
    that the kernel gives to clients are left out, or one would be taken before its server starts."""
    last = int(pathlib.Path('/proc/sys/net/ipv4/ip_local_port_range').read_text().split()[0])
    last = last if last > 20000 else 65536
    path = pathlib.Path(tempfile.gettempdir(), f'herald-lab-{os.geteuid()}.port')
    with open(path, 'a+', encoding='ascii') as counter:
        fcntl.flock(counter, fcntl.LOCK_EX)
        counter.seek(0)
        port = int(counter.read() or 0)
        while True:
            port = port + 1 if last - PORTS <= port < last - 1 else last - PORTS
            if all(bindable(family, address, port) for family, address in (
                    (socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1'))):
                counter.truncate(0)
                counter.write(str(port))
                return port


def bindable(family, address, port):
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except OSError as fault:
        return fault.errno != errno.EADDRINUSE  # without IPv6 there is nothing to ask there
    return True


def until(condition, seconds, what):
    """Wait until condition() is true and return its value; Trouble after so many seconds, never less than PATIENCE."""
    seconds = max(seconds, PATIENCE)
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Trouble(f'waited {seconds} s in vain: {what}')
        time.sleep(0.02)


def banner(port, seconds=5.0, address='127.0.0.1'):
    """The first line that a server says, '' when it cannot be reached."""
    try:
        with socket.create_connection((address, port), timeout=seconds) as peer:
            return peer.makefile('rb').readline().decode('latin-1').strip()
    except OSError:
        return ''


class Process:
    """A server in the foreground. Its output goes to the file `log` in its folder."""

    def __init__(self, name, words, where, env=None, prepare=None, **more):
        self.name, self.words, self.where = name, [str(word) for word in words], where
        self.env, self.more, self.child = {**os.environ, **(env or {})}, more, None
        self.prepare = prepare  # called in the child before the program starts
        self.log = where / 'log'

    def start(self):
        with open(self.log, 'ab') as log:
            self.child = subprocess.Popen(self.words, cwd=self.where, env=self.env, stdin=subprocess.DEVNULL,
                                          stdout=log, stderr=log, start_new_session=True,
                                          preexec_fn=self._before_exec, **self.more)
        return self

    def _before_exec(self):
        _end_with_parent()
        if self.prepare:
            self.prepare()

    def alive(self):
        return self.child is not None and self.child.poll() is None

    def logs(self):
        """Paths of the files that it writes its log to."""
        return [self.log]

    def log_text(self):
        return ''.join(path.read_text(errors='replace') for path in self.logs() if path.exists())

    def log_tail(self, lines=30):
        return '\n'.join(self.log_text().splitlines()[-lines:])

    def heard(self, *words, seconds=20.0):
        """The first line of the log that has all of these words, as soon as it is there, whole."""
        def found():
            return [line for line in self.log_text().split('\n')[:-1] if all(word in line for word in words)]
        try:
            return until(found, seconds, '')[0]
        except Trouble:
            raise Trouble(f'no line of the log has {words}:\n{self.log_tail()}') from None

    def wait_banner(self, port, seconds=10.0, wanted='220'):
        def greeted():
            if not self.alive():
                raise Trouble(f'{self.name} ended with {self.child.returncode}:\n{self.log_tail()}')
            return banner(port).startswith(wanted)
        try:
            until(greeted, seconds, f'{self.name} does not answer {wanted} on port {port}')
        except Trouble as fault:
            raise Trouble(f'{fault}:\n{self.log_tail()}') from None
        return self

    def stop(self, seconds=30.0):
        """SIGTERM, and SIGKILL for what is left of its family. Returns the exit code."""
        if self.child is None:
            return None
        if not self.alive():
            return self.child.wait()
        family = pids_of(self.child.pid)
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        kill(family)
        return self.child.wait()

    def kill_all(self):
        """kill -9 of every process of this server at once."""
        kill(pids_of(self.child.pid))
        return self.child.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def kill(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def parents():
    """{pid: parent} of every process."""
    found = {}
    for entry in os.listdir('/proc'):
        if entry.isdigit():
            try:
                found[int(entry)] = int(pathlib.Path('/proc', entry, 'stat').read_text().rpartition(')')[2].split()[1])
            except (OSError, ValueError, IndexError):
                pass
    return found


def pids_of(root):
    """root and all that descend from it, root first."""
    table, family = parents(), [root]
    for pid in family:
        family += [child for child, parent in table.items() if parent == pid]
    return family


def cpu_seconds(root):
    """CPU time of a family: of the living to the nanosecond, of the dead as their parents gathered it. And the most
    that one living process has used."""
    total = most = 0.0
    for pid in pids_of(root):
        try:
            own = int(pathlib.Path(f'/proc/{pid}/schedstat').read_text().split()[0]) / 1e9
            fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
        except (OSError, IndexError):
            continue
        for task in list_tasks(pid):
            own += task
        total += own + (int(fields[13]) + int(fields[14])) / TICKS
        most = max(most, own)
    return total, most


def list_tasks(pid):
    """CPU seconds of the threads of a process besides the first."""
    try:
        names = os.listdir(f'/proc/{pid}/task')
    except OSError:
        return
    for name in names:
        if int(name) != pid:
            try:
                yield int(pathlib.Path(f'/proc/{pid}/task/{name}/schedstat').read_text().split()[0]) / 1e9
            except (OSError, IndexError):
                pass


def pss_kib(root):
    """Proportional set size of a family in KiB."""
    total = 0
    for pid in pids_of(root):
        try:
            text = pathlib.Path(f'/proc/{pid}/smaps_rollup').read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith('Pss:'))
    return total


def disk(path):
    """(flushes, milliseconds busy, octets written) of the disk that holds path since it was attached."""
    device = os.stat(path).st_dev
    for line in pathlib.Path('/proc/diskstats').read_text().splitlines():
        fields = line.split()
        if (int(fields[0]), int(fields[1])) == (os.major(device), os.minor(device)):
            return (int(fields[18]) if len(fields) > 18 else 0), int(fields[12]), int(fields[9]) * 512
    return 0, 0, 0


def machine_cpu_seconds():
    """CPU time of everything on this machine since it started."""
    fields = [int(word) for word in pathlib.Path('/proc/stat').read_text().split('\n', 1)[0].split()[1:]]
    return (sum(fields[:8]) - fields[3] - fields[4]) / TICKS


class Meter:
    """What a server and the disk did between start and stop."""

    def __init__(self, pid, path):
        self.pid, self.path = pid, path
        self.cpu, self.most = cpu_seconds(pid)
        self.disk, self.machine = disk(path), machine_cpu_seconds()
        self.begun = time.monotonic()

    def stop(self):
        seconds = time.monotonic() - self.begun
        cpu, most = cpu_seconds(self.pid)
        flushes, busy, written = (now - then for now, then in zip(disk(self.path), self.disk))
        return {'seconds': seconds, 'cpu': cpu - self.cpu, 'busiest': most - self.most, 'flushes': flushes / seconds,
                'disk_busy': busy / 1000 / seconds, 'written': written,
                'machine': machine_cpu_seconds() - self.machine}


def load_words(port, **options):
    """The command line of bench/load: options are its letters; True stands for a switch."""
    generator = build_dir() / 'bench/load'
    if not generator.exists():
        raise Trouble(f'the load generator is not built: {generator} is not there')
    words = [str(generator)]
    for letter, value in options.items():
        words += ['-' + letter] if value is True else ['-' + letter, str(value)]
    return words + [f'127.0.0.1:{port}']


def load(port, **options):
    """Run the load generator to its end and return what it counted."""
    done = subprocess.run(load_words(port, **options), capture_output=True, text=True, check=False)
    try:
        return json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        raise Trouble(f'the load generator said: {done.stdout}{done.stderr}') from None
