/* SPDX-License-Identifier: ISC */
/*
 * toy.h - a server of two kinds of processes, to see the supervisor work.
 *
 * `front` (one) listens and answers lines; `back` (two) answers front's questions.
 *
 *     pid       front's process id          uid    its user
 *     ask N     process id of back N        conf   the configuration, as text
 *     open      open a file (forbidden)     slow   half the answer at once, and half
 *                                                  after TOY_SLOW_MS, also while draining
 */
#ifndef TOY_H
#define TOY_H

#include "server/supervisor.h"

#define TOY_SLOW_MS 300

enum { TOY_FRONT, TOY_BACK, TOY_KINDS };

extern const struct proc_spec toy_specs[TOY_KINDS];

#endif
