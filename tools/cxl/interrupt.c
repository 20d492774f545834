// SPDX-License-Identifier: GPL-2.0-only
#include <signal.h>
#include "cxl-cli.h"

/*
 * What takes several steps is taken back when it is ended in the middle: a signal only
 * says so, and the write that waits in the kernel returns.
 */
volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

/* What would end it, also when nobody listens any more to what is said */
void catch_signals(bool on)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction action = { .sa_handler = on ? interrupt : SIG_DFL };

	for (unsigned int i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}
