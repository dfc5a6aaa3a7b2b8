# SPDX-License-Identifier: ISC
"""A small laboratory for tests and benches: servers in the foreground on free loopback ports, and how to measure them.

lab.process  start, watch, stop and measure processes
lab.servers  herald, Postfix, Exim, Dovecot, the sink: each with a configuration of its own in a folder of its own
lab.mail     Maildirs, and mail that is easily compared
lab.table    tables on the terminal
"""
