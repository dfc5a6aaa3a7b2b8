/* SPDX-License-Identifier: ISC */
/* replay/lines.h - what the two files of lines share; stage.h says what the lines mean. */
#ifndef REPLAY_LINES_H
#define REPLAY_LINES_H

#include "stage.h"

/* The next word of a line, which is taken off. */
span line_word(span *line);
/* A number, or the run ends. */
uint64_t line_number(span s, uint64_t max);
/* The job that a word names. */
struct stage_job *line_job_of(span word);
/* Octets of a line, with CRLF if wanted; borrowed until the next call. */
span line_octets(span line, bool crlf);

/* J>, R: and Q: (lines_queue.c) */
bool line_job(size_t number, span line);
bool line_result(size_t number, span line);
bool line_queue(size_t number, span line);

#endif
