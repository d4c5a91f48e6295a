/*
 * OP_MONITOR: what waits in the foreground for a container (run, later exec): forwards signals, relays the terminal,
 * reaps. It is this small program instead of the runtime: some 30 KB resident instead of 30 MB.
 */

struct winsize {
	u16 row, col, xpixel, ypixel;
};

/* asm-generic/termbits.h, struct termios as TCGETS takes it */
struct termios {
	u32 iflag, oflag, cflag, lflag;
	u8 line, cc[19];
};

#define RELAY_BYTES 4096

struct pipe_buffer {
	u32 from, to;
	char bytes[RELAY_BYTES];
};

/* The terminal the user sits at becomes raw; what it was is kept in saved. 0 if descriptor 0 is no terminal. */
static int make_raw(struct termios *saved)
{
	struct termios raw;

	if (SYS(NR_ioctl, 0, TCGETS, saved) < 0)
		return 0;
	raw = *saved;
	/* as cfmakeraw(3) */
	raw.iflag &= ~(u32)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
	raw.oflag &= ~(u32)OPOST;
	raw.lflag &= ~(u32)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	raw.cflag &= ~(u32)(CSIZE | PARENB);
	raw.cflag |= CS8;
	raw.cc[VMIN] = 1;
	raw.cc[VTIME] = 0;
	return SYS(NR_ioctl, 0, TCSETS, &raw) == 0;
}

static void copy_size(i64 master)
{
	struct winsize size;

	if (SYS(NR_ioctl, 0, TIOCGWINSZ, &size) == 0)
		SYS(NR_ioctl, master, TIOCSWINSZ, &size); /* ignored: the program draws for another size, and that is all */
}

/* Fills an empty buffer; 0 at the end of the source. */
static i64 fill(i64 fd, struct pipe_buffer *b)
{
	i64 n = SYS(NR_read, fd, b->bytes, RELAY_BYTES);

	if (n > 0) {
		b->from = 0;
		b->to = (u32)n;
	}
	return n;
}

static i64 drain(i64 fd, struct pipe_buffer *b)
{
	i64 n = SYS(NR_write, fd, b->bytes + b->from, b->to - b->from);

	if (n > 0)
		b->from += (u32)n;
	return n;
}

/* What the container wrote before it ended must still arrive. */
static void drain_master(i64 master, struct pipe_buffer *out)
{
	for (;;) {
		while (out->from < out->to)
			if (drain(1, out) <= 0)
				return;
		if (fill(master, out) <= 0)
			return;
	}
}

/* Every process that ended besides the container's (they were reparented to us as a subreaper). */
static void reap_others(i64 pid)
{
	struct siginfo info;

	for (;;) {
		info.pid = 0;
		if (SYS(NR_waitid, P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT, 0) < 0 || info.pid == 0)
			return;
		if (info.pid == pid)
			return;
		if (SYS(NR_waitid, P_PID, info.pid, &info, WEXITED | WNOHANG, 0) < 0)
			return;
	}
}

static void forward(i64 pidfd, i64 signal)
{
	SYS(NR_pidfd_send_signal, pidfd, signal, 0, 0); /* ignored: ESRCH, it has ended */
}

/* Signals that came while the runtime still was the runtime: one byte each (shim.c, note_signal). */
static void send_noted(i64 noted, i64 pidfd)
{
	u8 signals[64];
	i64 n = SYS(NR_read, noted, signals, sizeof signals);

	for (i64 i = 0; i < n; i++)
		forward(pidfd, signals[i]);
}

/* Whether a read or write that failed may be tried again. */
static int is_momentary(i64 error)
{
	return error == -EAGAIN || error == -EINTR;
}

/* Relays and forwards until the process of pidfd has ended: 0, or -errno. */
static i64 attend(i64 pidfd, i64 master, i64 pid, i64 noted, i64 signals)
{
	struct pipe_buffer in = { 0, 0, { 0 } }, out = { 0, 0, { 0 } };
	int input = master >= 0, output = master >= 0;

	if (master >= 0) {
		i64 r = SYS(NR_fcntl, master, F_SETFL, O_NONBLOCK);
		if (r < 0)
			return r;
		copy_size(master);
	}
	send_noted(noted, pidfd);
	for (;;) {
		int in_full = in.from < in.to, out_full = out.from < out.to;
		struct pollfd wait[] = {
			{ (i32)pidfd, POLLIN, 0 },
			{ (i32)signals, POLLIN, 0 },
			{ input && !in_full ? 0 : -1, POLLIN, 0 },
			{ output && out_full ? 1 : -1, POLLOUT, 0 },
			{ master >= 0 && (input || output) ? (i32)master : -1,
			  (u16)((in_full ? POLLOUT : 0) | (output && !out_full ? POLLIN : 0)), 0 },
		};
		i64 r = SYS(NR_ppoll, wait, 5, 0, 0, 0);
		if (r < 0 && r != -EINTR)
			return r;
		if (r < 0)
			continue;
		if (wait[1].revents) {
			u32 signal[32]; /* struct signalfd_siginfo: 128 bytes, ssi_signo first */
			while (SYS(NR_read, signals, signal, sizeof signal) == sizeof signal) {
				if (signal[0] == SIGCHLD)
					reap_others(pid);
				else if (signal[0] == SIGWINCH && master >= 0)
					copy_size(master);
				else if (signal[0] != SIGWINCH && signal[0] != SIGURG)
					forward(pidfd, signal[0]);
			}
		}
		if (wait[0].revents)
			break;
		if (wait[2].revents) {
			r = fill(0, &in);
			if (r <= 0 && !is_momentary(r))
				input = 0;
		}
		if (wait[4].revents & POLLIN) {
			r = fill(master, &out);
			if (r < 0 && !is_momentary(r))
				output = input = 0; /* EIO: as below */
		}
		if (wait[4].revents & POLLOUT) {
			r = drain(master, &in);
			if (r < 0 && !is_momentary(r))
				in.from = in.to; /* it does not take it: what comes next may go */
		} else if (wait[4].revents & (POLLHUP | POLLERR) && !(wait[4].revents & POLLIN))
			output = input = 0; /* no slave is open any more; whoever opens it again gets nothing */
		if (wait[3].revents && drain(1, &out) < 0)
			output = 0;
	}
	if (master >= 0)
		drain_master(master, &out);
	return 0;
}

/*
 * OP_MONITOR pidfd master pid noted signals failure : 0 when the process of pidfd (and pid) has ended; its status (128+n
 * for a signal) becomes the exit status of this process. -errno where that cannot be waited for: `failure` does then.
 * master -1: no terminal. signals: a signalfd of all.
 */
static i64 op_monitor(struct machine *m, const i64 *a)
{
	i64 pidfd = a[0], master = a[1], r;
	struct termios saved;
	struct siginfo info;
	u64 all = ~0ul;
	int raw = master >= 0 && make_raw(&saved);

	m->exit_status = a[5];
	SYS(NR_rt_sigprocmask, SIG_SETMASK, &all, 0, 8); /* ignored: it fails for wrong arguments only */
	r = attend(pidfd, master, a[2], a[3], a[4]);
	if (raw)
		SYS(NR_ioctl, 0, TCSETS, &saved); /* ignored: the terminal is gone */
	if (r < 0)
		return r;
	memset(&info, 0, sizeof info);
	do
		r = SYS(NR_waitid, P_PIDFD, pidfd, &info, WEXITED, 0);
	while (r == -EINTR);
	if (r < 0)
		return r;
	m->exit_status = info.code == CLD_EXITED ? info.status : 128 + info.status;
	return 0;
}
