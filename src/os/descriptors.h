/* SPDX-License-Identifier: ISC */
/* os/descriptors.h - how many descriptors this process and its children may have. */
#ifndef OS_DESCRIPTORS_H
#define OS_DESCRIPTORS_H

#define DESCRIPTORS_WANTED 65536

/* Each session is one: take as many as may be had, DESCRIPTORS_WANTED if possible. */
void descriptors_raise(void);

#endif
