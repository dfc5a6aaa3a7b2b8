# SPDX-License-Identifier: ISC
"""What herald says that it did. Each of its processes writes its log behind the replies: whoever has read a reply has
not read the log, so nobody looks there once."""
import json

from .process import Process, Trouble, until


def rows_of(text):
    """The events of a log: its whole lines that are JSON. The last one may be half written yet."""
    found = []
    for line in text.split('\n')[:-1]:
        try:
            row = json.loads(line)
        except ValueError:
            continue  # of a sanitizer, or of the C library
        if isinstance(row, dict) and 'event' in row:
            found.append(row)
    return found


class Logged(Process):
    """A herald, whose log is JSON."""

    def logged(self, name, fields):
        """What there is now; for those below."""
        return [row for row in rows_of(self.log_text())
                if row['event'] == name and all(row.get(key) == value for key, value in fields.items())]

    def events(self, name, count=1, seconds=20.0, **fields):
        """The events of this name that have these fields, oldest first, as soon as there are `count` of them, and any
        more that are there. What must be there is asked for so."""
        def enough():
            found = self.logged(name, fields)
            return found if len(found) >= count else None
        try:
            return until(enough, seconds, '') if count else self.logged(name, fields)
        except Trouble:
            have = self.logged(name, {})
            raise Trouble(f'the log has not {count} {name} with {fields or "anything"}, but: {have[-5:]}\n'
                          f'{self.log_tail(8)}') from None

    def events_of_message(self, name, identity):
        """The events of this name in the session that brought the message with this id (Received has it)."""
        session = self.events('message.accepted', message=identity)[0]['session']
        return self.events(name, session=session)

    def final_events(self, name, **fields):
        """All events of this name there ever were: ends the server first, whose processes write the rest of their log
        as they end. What must not be there, or so often and no more, is asked for so."""
        code = self.stop(60)
        if code != 0:
            raise Trouble(f'{self.name} ended with {code}:\n{self.log_tail()}')
        return self.logged(name, fields)
